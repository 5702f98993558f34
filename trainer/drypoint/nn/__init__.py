"""Layers, nets, losses and models: immutable values.

    net = nn.lenet().initialize(seed=0)
    net["conv1"].params["weight"].shape  # (20, 1, 5, 5)
    print(net.summary())

A `Layer` holds hyper-parameters and, once initialized, read-only arrays. Its methods
(`initialize`, `with_params`, `bind`, slicing) return a changed copy. `Sequential` applies layers
one after the other and is a layer itself; a `Graph` connects layers and losses by named ports. A
`Model` is a net with an encoder before it and a decoder after it: models are saved, loaded,
measured and quantized.
"""

from drypoint.common import module_getattr as _module_getattr

from . import _aliases
from ._activations import GELU as GELU
from ._activations import Cos as Cos
from ._activations import Hardsigmoid as Hardsigmoid
from ._activations import Hardswish as Hardswish
from ._activations import Hardtanh as Hardtanh
from ._activations import LeakyReLU as LeakyReLU
from ._activations import LogSoftmax as LogSoftmax
from ._activations import ReLU as ReLU
from ._activations import ReLU6 as ReLU6
from ._activations import Sigmoid as Sigmoid
from ._activations import SiLU as SiLU
from ._activations import Sin as Sin
from ._activations import Softmax as Softmax
from ._activations import Tanh as Tanh
from ._batch_norm import BatchNorm as BatchNorm
from ._batch_norm import BatchNorm1d as BatchNorm1d
from ._batch_norm import BatchNorm2d as BatchNorm2d
from ._catalogue import LEAF_TYPES as LEAF_TYPES
from ._catalogue import LayerKind as LayerKind
from ._catalogue import LayerTable as LayerTable
from ._catalogue import layer_from_config as layer_from_config
from ._catalogue import layers as layers
from ._catalogue import module_from_config as module_from_config
from ._check_layer import check_layer as check_layer
from ._check_layer import gradcheck_layer as gradcheck_layer
from ._context import Context as Context
from ._convolution import Conv2d as Conv2d
from ._errors import ConfigError as ConfigError
from ._errors import ContractError as ContractError
from ._errors import GraphError as GraphError
from ._errors import InputError as InputError
from ._errors import LayerError as LayerError
from ._errors import ModelError as ModelError
from ._errors import ModelFileError as ModelFileError
from ._errors import NotInitializedError as NotInitializedError
from ._errors import PathError as PathError
from ._errors import PortError as PortError
from ._errors import ShapeError as ShapeError
from ._families import create_net as create_net
from ._families import families as families
from ._graph import Graph as Graph
from ._info import LayerInfo as LayerInfo
from ._info import NetInfo as NetInfo
from ._initializers import Distribution as Distribution
from ._initializers import Method as Method
from ._layer import Layer as Layer
from ._linear import Linear as Linear
from ._losses import BinaryCrossEntropyLoss as BinaryCrossEntropyLoss
from ._losses import CrossEntropyLoss as CrossEntropyLoss
from ._losses import Loss as Loss
from ._losses import MAELoss as MAELoss
from ._losses import MSELoss as MSELoss
from ._merging import *  # noqa: F403 - the names of its __all__
from ._model import Model as Model
from ._model import load as load
from ._model import loads as loads
from ._module import Module as Module
from ._pooling import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from ._pooling import AvgPool2d as AvgPool2d
from ._pooling import GlobalAvgPool2d as GlobalAvgPool2d
from ._pooling import MaxPool2d as MaxPool2d
from ._pooling import Pool2d as Pool2d
from ._ported import Ported as Ported
from ._ports import Ports as Ports
from ._ports import PortValue as PortValue
from ._presets import autoencoder as autoencoder
from ._presets import cnn as cnn
from ._presets import conv1d as conv1d
from ._presets import dilated as dilated
from ._presets import ds_cnn as ds_cnn
from ._presets import lenet as lenet
from ._presets import lenet5 as lenet5
from ._presets import mlp as mlp
from ._presets import mobilenet as mobilenet
from ._presets import mobilenet_v1 as mobilenet_v1
from ._presets import resnet8 as resnet8
from ._presets import squeezenet as squeezenet
from ._presets import tcn as tcn
from ._sequential import Sequential as Sequential
from ._signal_layers import AvgPool1d as AvgPool1d
from ._signal_layers import Conv1d as Conv1d
from ._signal_layers import GlobalAvgPool1d as GlobalAvgPool1d
from ._signal_layers import MaxPool1d as MaxPool1d
from ._signal_layers import Pool1d as Pool1d
from ._sizes import Shape as Shape
from ._structure import Dropout as Dropout
from ._structure import Flatten as Flatten
from ._structure import OneHot as OneHot
from ._structure import Reshape as Reshape
from ._structure import ZeroPad2d as ZeroPad2d
from ._training_graph import TrainingGraph as TrainingGraph
from ._training_graph import default_loss as default_loss
from ._upsampling import ConvTranspose2d as ConvTranspose2d
from ._upsampling import PixelShuffle as PixelShuffle
from ._upsampling import Upsample as Upsample
from ._user_functions import Elementwise as Elementwise
from ._user_functions import Function as Function

__getattr__ = _module_getattr(
    __name__, aliases=_aliases.MODULE_ALIASES, hints=_aliases.MODULE_HINTS
)
