"""The compiled twins of the NumPy references, with the kernels as first argument; float32 only."""

from . import convolution as convolution
from . import elementwise as elementwise
from . import linear as linear
from . import normalization as normalization
from . import planes as planes
from . import pooling as pooling
from . import quantization as quantization
