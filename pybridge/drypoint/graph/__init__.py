"""Between nets and programs: float ops on planes, rewritten until each is one integer op.

The layers of a net and the operators of files build a `Graph` by a `Builder`. `fuse` rewrites the
graph, pass by pass. A calibration or a file gives each node its integers (`QuantizedNode`), and
`to_program` makes ops of these.
"""

from ._binary import Binary as Binary
from ._builder import Builder as Builder
from ._builder import Value as Value
from ._errors import LoweringError as LoweringError
from ._errors import Unsupported as Unsupported
from ._graph import Graph as Graph
from ._graph import NetOutput as NetOutput
from ._graph import raw_pixels as raw_pixels
from ._integers import HALVES_DOWN as HALVES_DOWN
from ._integers import Integers as Integers
from ._integers import few_bit_scales as few_bit_scales
from ._integers import mean_integers as mean_integers
from ._integers import mean_integers_of_file as mean_integers_of_file
from ._integers import prelu_integers as prelu_integers
from ._integers import prelu_slopes as prelu_slopes
from ._integers import weighted_integers as weighted_integers
from ._integers import weighted_integers_of_file as weighted_integers_of_file
from ._lower import fuse as fuse
from ._nodes import Affine as Affine
from ._nodes import AvgPool as AvgPool
from ._nodes import Concat as Concat
from ._nodes import Input as Input
from ._nodes import InputPart as InputPart
from ._nodes import MaxPool as MaxPool
from ._nodes import Node as Node
from ._nodes import Pair as Pair
from ._nodes import PReLU as PReLU
from ._nodes import Reals as Reals
from ._nodes import Resize as Resize
from ._nodes import Sides as Sides
from ._nodes import Slice as Slice
from ._nodes import Table as Table
from ._nodes import Transpose as Transpose
from ._nodes import Upsample as Upsample
from ._nodes import Weighted as Weighted
from ._nodes import same_padding as same_padding
from ._of_file import Halves as Halves
from ._of_file import compute_outputs as compute_outputs
from ._of_file import quantize_as_file as quantize_as_file
from ._plane_of import plane_of as plane_of
from ._plane_of import same_order as same_order
from ._qparams import QuantParams as QuantParams
from ._qparams import zero_point as zero_point
from ._quantized import QuantizedNode as QuantizedNode
from ._quantized import to_program as to_program
