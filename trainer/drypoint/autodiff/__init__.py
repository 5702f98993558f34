"""Reverse-mode automatic differentiation over NumPy arrays.

A `Tensor` is an array with a way back. What ndarray has as operators and methods, a tensor has
too (+ - * / ** @, indexing, sum, mean, max, reshape, flatten, transpose); all else is a function
here, forward and backward side by side. An op of your own is a call of `record`, and `gradcheck`
says whether it is right::

    x = Tensor([[1.0, 2.0]], requires_grad=True)
    (x * x).sum().backward()
    x.grad  # [[2., 4.]]
"""

from ._compiled import address as address
from ._compiled import copy_into as copy_into
from ._compiled import n_threads as n_threads
from ._compiled import set_threads as set_threads
from ._deferred import Product as Product
from ._deferred import deferred as deferred
from ._dropout import draw_key as draw_key
from ._dropout import dropout as dropout
from ._elementwise import cos as cos
from ._elementwise import exp as exp
from ._elementwise import log as log
from ._elementwise import relu as relu
from ._elementwise import sigmoid as sigmoid
from ._elementwise import sin as sin
from ._elementwise import sqrt as sqrt
from ._elementwise import tanh as tanh
from ._elementwise_kernels import Key as Key
from ._errors import AutodiffError as AutodiffError
from ._errors import GradcheckError as GradcheckError
from ._fast import direct_convolution as direct_convolution
from ._gradcheck import gradcheck as gradcheck
from ._images import avg_pool2d as avg_pool2d
from ._images import conv2d as conv2d
from ._images import max_pool2d as max_pool2d
from ._island import island as island
from ._linear import linear as linear
from ._losses import PROBABILITY_FLOOR as PROBABILITY_FLOOR
from ._losses import Reduction as Reduction
from ._losses import cross_entropy as cross_entropy
from ._losses import cross_entropy_from_probabilities as cross_entropy_from_probabilities
from ._losses import log_softmax as log_softmax
from ._losses import mse as mse
from ._losses import reduced as reduced
from ._losses import softmax as softmax
from ._memory import aligned as aligned
from ._memory import aligned_empty as aligned_empty
from ._normalization import batch_norm as batch_norm
from ._normalization import batch_norm_inference as batch_norm_inference
from ._recording import Recording as Recording
from ._recording import Values as Values
from ._tape import Array as Array
from ._tape import Vjp as Vjp
from ._tensor import Tensor as Tensor
from ._tensor import record as record
from ._updates import AdamStep as AdamStep
from ._updates import AverageStep as AverageStep
from ._updates import Formula as Formula
from ._updates import Parameter as Parameter
from ._updates import Parameters as Parameters
from ._updates import RMSPropStep as RMSPropStep
from ._updates import SGDStep as SGDStep
from ._updates import SignSGDStep as SignSGDStep
from ._updates import add_up as add_up
from ._updates import moved_average as moved_average
from ._updates import numbers as numbers
from ._window import MOST_POOLED as MOST_POOLED
from ._window import NO_PADDING as NO_PADDING
from ._window import Padding as Padding
from ._window import Pair as Pair
from ._window import Window as Window
