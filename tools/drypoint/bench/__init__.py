"""Measures the speed of the engine's backends and of their layers, and the machine's limit."""

from drypoint.common import as_json as _as_json

from ._bench import bench as bench
from ._bench import spread_warnings as spread_warnings
from ._bench import warnings_of as warnings_of
from ._chart import SpeedBars as SpeedBars
from ._contestants import Contestant as Contestant
from ._figure import Figure as Figure
from ._figure import Responder as Responder
from ._figure import figures_by_batch as figures_by_batch
from ._figure import run_rounds as run_rounds
from ._layers import LayerKind as LayerKind
from ._layers import LayerKindTimes as LayerKindTimes
from ._layers import LayersResult as LayersResult
from ._layers import bench_layers as bench_layers
from ._layers import layer_kinds as layer_kinds
from ._layers import layer_program as layer_program
from ._layers import layers_text as layers_text
from ._machine import BUSY as BUSY
from ._machine import Machine as Machine
from ._machine import look as look
from ._machine import measure_limits as measure_limits
from ._machine import usable_cpus as usable_cpus
from ._net import start as start
from ._nets import NETS as NETS
from ._nets import SIGNALS as SIGNALS
from ._nets import Case as Case
from ._nets import add_options as add_options
from ._nets import case_of as case_of
from ._nets import check_nets as check_nets
from ._nets import empty_case as empty_case
from ._nets import make_case as make_case
from ._nets import named_nets as named_nets
from ._nets import random_images as random_images
from ._plan import QUICK as QUICK
from ._plan import BenchError as BenchError
from ._plan import Plan as Plan
from ._process import Process as Process
from ._process import build_limits as build_limits
from ._process import build_static as build_static
from ._result import BenchResult as BenchResult
from ._result import EngineTimes as EngineTimes
from ._result import LayerTime as LayerTime
from ._result import NetTimes as NetTimes
from ._result import PeerTimes as PeerTimes
from ._result import Startup as Startup
from ._result import ThreadTimes as ThreadTimes
from ._serve import serve as serve
from ._tables import markdown as markdown
from ._tables import markdown_table as markdown_table
from ._tables import table as table
from ._tables import text as text
from ._tables import us as us

to_json = _as_json
