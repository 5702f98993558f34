"""Reverse-mode automatic differentiation over NumPy arrays.

A `Tensor` is an array that records its computation for backpropagation. It has the operators and
methods of ndarray (+ - * / ** @, indexing, sum, mean, max, reshape, flatten, transpose); all other
operations are functions of this package. `record` makes an op of your own, and `gradcheck` checks
its gradient::

    x = Tensor([[1.0, 2.0]], requires_grad=True)
    (x * x).sum().backward()
    x.grad  # [[2., 4.]]
"""

from ._elementwise import activation as activation
from ._elementwise import cos as cos
from ._elementwise import dropout as dropout
from ._elementwise import exp as exp
from ._elementwise import linear as linear
from ._elementwise import log as log
from ._elementwise import relu as relu
from ._elementwise import sigmoid as sigmoid
from ._elementwise import sin as sin
from ._elementwise import sqrt as sqrt
from ._elementwise import tanh as tanh
from ._errors import AutodiffError as AutodiffError
from ._errors import GradcheckError as GradcheckError
from ._gradcheck import gradcheck as gradcheck
from ._images import avg_pool2d as avg_pool2d
from ._images import concat as concat
from ._images import conv2d as conv2d
from ._images import max_pool2d as max_pool2d
from ._images import multiply as multiply
from ._images import zero_pad2d as zero_pad2d
from ._losses import PROBABILITY_FLOOR as PROBABILITY_FLOOR
from ._losses import Reduction as Reduction
from ._losses import cross_entropy as cross_entropy
from ._losses import cross_entropy_from_probabilities as cross_entropy_from_probabilities
from ._losses import log_softmax as log_softmax
from ._losses import mse as mse
from ._losses import softmax as softmax
from ._normalization import batch_norm as batch_norm
from ._normalization import batch_norm_inference as batch_norm_inference
from ._quantization import requantize as requantize
from ._quantization import weight_codes as weight_codes
from ._recurrent import gru as gru
from ._recurrent import lstm as lstm
from ._tape import Array as Array
from ._tensor import Tensor as Tensor
from ._tensor import record as record
from ._upsampling import ChannelOrder as ChannelOrder
from ._upsampling import conv_transpose2d as conv_transpose2d
from ._upsampling import depth_to_space as depth_to_space
from ._upsampling import resize2d as resize2d
from ._upsampling import upsample2d as upsample2d
from ._window import MOST_POOLED as MOST_POOLED
from ._window import NO_PADDING as NO_PADDING
from ._window import Padding as Padding
from ._window import Pair as Pair
from ._window import Window as Window
from .kernels.native.algorithm import direct_convolution as direct_convolution
from .kernels.numpy.quantization import Range as Range
from .kernels.runtime import n_threads as n_threads
from .kernels.runtime import set_threads as set_threads
