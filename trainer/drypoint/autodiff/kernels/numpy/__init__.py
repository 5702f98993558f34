"""The reference of every kernel, by NumPy, written to be read; float32 and float64."""

from . import activations as activations
from . import blocks as blocks
from . import convolution as convolution
from . import elementwise as elementwise
from . import linear as linear
from . import normalization as normalization
from . import pooling as pooling
from . import quantization as quantization
