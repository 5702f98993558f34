"""The compiled twins of the references, behind their signatures; float32 only."""

from . import convolution as convolution
from . import elementwise as elementwise
from . import linear as linear
from . import normalization as normalization
from . import planes as planes
from . import pooling as pooling
