"""Pictures as values: data with a text form, drawn by matplotlib on demand.

    p = plot.examples(m.worst(10))
    print(p)              # in characters; needs no matplotlib
    p.save("worst.png")   # or .svg
    p.figure              # the matplotlib figure; a notebook shows it by itself

Every function returns a `Picture` that holds exactly the data drawn. With ``ax=`` (``axes=`` for
several panels) it draws on these axes at once. Drawing needs the extra ``plot``.
"""

from drypoint.common import module_getattr as _module_getattr

from . import _aliases
from ._boxes import BoxGrid as BoxGrid
from ._boxes import boxes as boxes
from ._checks import MatplotlibMissingError as MatplotlibMissingError
from ._checks import PlotError as PlotError
from ._comparison import ComparisonChart as ComparisonChart
from ._comparison import comparison as comparison
from ._confusion import ConfusionMap as ConfusionMap
from ._confusion import confusion as confusion
from ._grid import ImageGrid as ImageGrid
from ._histograms import Histogram as Histogram
from ._histograms import Histograms as Histograms
from ._histograms import histograms as histograms
from ._images import examples as examples
from ._images import images as images
from ._images import maps as maps
from ._images import ports as ports
from ._inline import inline_svg as inline_svg
from ._kernels import KernelMosaic as KernelMosaic
from ._kernels import kernels as kernels
from ._memory import MemoryMap as MemoryMap
from ._memory import memory as memory
from ._net import NetDrawing as NetDrawing
from ._net import net as net
from ._picture import Layout as Layout
from ._picture import Picture as Picture
from ._reliability import Reliability as Reliability
from ._reliability import reliability as reliability
from ._roc import RocCurves as RocCurves
from ._roc import roc as roc
from ._scores import ScoreBars as ScoreBars
from ._scores import scores as scores
from ._states import StateMap as StateMap
from ._states import states as states
from ._tradeoff import Tradeoff as Tradeoff
from ._tradeoff import tradeoff as tradeoff
from ._training import TrainingCurves as TrainingCurves
from ._training import training as training

__getattr__ = _module_getattr(
    __name__, aliases=_aliases.MODULE_ALIASES, hints=_aliases.MODULE_HINTS
)
