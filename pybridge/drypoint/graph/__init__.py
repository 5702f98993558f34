"""Between nets and programs: float ops on planes, rewritten until each is one integer op.

The layers of a net and the operators of files build a `Graph` by a `Builder`. `fuse` rewrites the
graph, pass by pass. A calibration or a file gives each node its integers (`QuantizedNode`), and
`to_program` makes ops of these.
"""

from drypoint.program.lowering import QuantParams as QuantParams
from drypoint.program.lowering import Unsupported as Unsupported
from drypoint.program.lowering import zero_point as zero_point

from ._builder import Builder as Builder
from ._builder import Value as Value
from ._builder import plane_of as plane_of
from ._builder import same_order as same_order
from ._graph import Graph as Graph
from ._graph import LoweringError as LoweringError
from ._graph import NetOutput as NetOutput
from ._graph import raw_pixels as raw_pixels
from ._integers import Integers as Integers
from ._integers import few_bit_scales as few_bit_scales
from ._integers import op_integers as op_integers
from ._integers import weighted_integers as weighted_integers
from ._integers import weighted_integers_of_file as weighted_integers_of_file
from ._lower import fuse as fuse
from ._nodes import Affine as Affine
from ._nodes import Input as Input
from ._nodes import InputPart as InputPart
from ._nodes import Join as Join
from ._nodes import Node as Node
from ._nodes import OpNode as OpNode
from ._nodes import Pair as Pair
from ._nodes import RealFunction as RealFunction
from ._nodes import Reals as Reals
from ._nodes import Sides as Sides
from ._nodes import State as State
from ._nodes import Table as Table
from ._nodes import Weighted as Weighted
from ._nodes import same_padding as same_padding
from ._of_file import Halves as Halves
from ._of_file import compute_outputs as compute_outputs
from ._of_file import quantize_as_file as quantize_as_file
from ._quantized import QuantizedNode as QuantizedNode
from ._quantized import to_program as to_program
