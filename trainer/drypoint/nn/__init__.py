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
from ._catalogue import LEAF_TYPES as LEAF_TYPES
from ._catalogue import LayerKind as LayerKind
from ._catalogue import LayerTable as LayerTable
from ._catalogue import layer_from_config as layer_from_config
from ._catalogue import layers as layers
from ._catalogue import module_from_config as module_from_config
from ._check_layer import check_layer as check_layer
from ._check_layer import gradcheck_layer as gradcheck_layer
from ._containers.graph import Graph as Graph
from ._containers.sequential import Sequential as Sequential
from ._containers.training_graph import TrainingGraph as TrainingGraph
from ._containers.training_graph import default_loss as default_loss
from ._containers.training_graph import last_layer as last_layer
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
from ._families.families import create_net as create_net
from ._families.families import families as families
from ._families.grid import grid_cnn as grid_cnn
from ._families.presets import autoencoder as autoencoder
from ._families.presets import cnn as cnn
from ._families.presets import conv1d as conv1d
from ._families.presets import dilated as dilated
from ._families.presets import ds_cnn as ds_cnn
from ._families.presets import ds_conv1d as ds_conv1d
from ._families.presets import lenet as lenet
from ._families.presets import lenet5 as lenet5
from ._families.presets import mixednet as mixednet
from ._families.presets import mlp as mlp
from ._families.presets import mobilenet as mobilenet
from ._families.presets import mobilenet_v1 as mobilenet_v1
from ._families.presets import resnet8 as resnet8
from ._families.presets import squeezenet as squeezenet
from ._families.presets import tcn as tcn
from ._families.recurrent import gru as gru
from ._families.recurrent import lstm as lstm
from ._families.unet import unet as unet
from ._layers.activations import *  # noqa: F403 - the names of its __all__
from ._layers.batch_norm import BatchNorm as BatchNorm
from ._layers.batch_norm import BatchNorm1d as BatchNorm1d
from ._layers.batch_norm import BatchNorm2d as BatchNorm2d
from ._layers.convolution import Conv2d as Conv2d
from ._layers.detection import DetectionLoss as DetectionLoss
from ._layers.functions import FUNCTIONS as FUNCTIONS
from ._layers.functions import ValueFunction as ValueFunction
from ._layers.linear import Linear as Linear
from ._layers.losses import BinaryCrossEntropyLoss as BinaryCrossEntropyLoss
from ._layers.losses import CrossEntropyLoss as CrossEntropyLoss
from ._layers.losses import Loss as Loss
from ._layers.losses import MAELoss as MAELoss
from ._layers.losses import MSELoss as MSELoss
from ._layers.merging import *  # noqa: F403 - the names of its __all__
from ._layers.pooling import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from ._layers.pooling import AvgPool2d as AvgPool2d
from ._layers.pooling import GlobalAvgPool2d as GlobalAvgPool2d
from ._layers.pooling import MaxPool2d as MaxPool2d
from ._layers.pooling import Pool2d as Pool2d
from ._layers.recurrent import GRU as GRU
from ._layers.recurrent import LSTM as LSTM
from ._layers.recurrent import Recurrent as Recurrent
from ._layers.signal_layers import AvgPool1d as AvgPool1d
from ._layers.signal_layers import Conv1d as Conv1d
from ._layers.signal_layers import GlobalAvgPool1d as GlobalAvgPool1d
from ._layers.signal_layers import MaxPool1d as MaxPool1d
from ._layers.signal_layers import Pool1d as Pool1d
from ._layers.structure import ChannelShuffle as ChannelShuffle
from ._layers.structure import Dropout as Dropout
from ._layers.structure import Flatten as Flatten
from ._layers.structure import InputPart as InputPart
from ._layers.structure import OneHot as OneHot
from ._layers.structure import Permute as Permute
from ._layers.structure import Reshape as Reshape
from ._layers.structure import Slice as Slice
from ._layers.structure import ZeroPad2d as ZeroPad2d
from ._layers.upsampling import ConvTranspose2d as ConvTranspose2d
from ._layers.upsampling import PixelShuffle as PixelShuffle
from ._layers.upsampling import Resize as Resize
from ._layers.upsampling import Upsample as Upsample
from ._layers.user_functions import Elementwise as Elementwise
from ._layers.user_functions import Function as Function
from ._model import Model as Model
from ._model import load as load
from ._model import loads as loads
from ._module.context import Context as Context
from ._module.info import LayerInfo as LayerInfo
from ._module.info import NetInfo as NetInfo
from ._module.initializers import Distribution as Distribution
from ._module.initializers import Method as Method
from ._module.layer import Layer as Layer
from ._module.module import Module as Module
from ._module.ported import Ported as Ported
from ._module.ports import Ports as Ports
from ._module.ports import PortValue as PortValue
from ._module.sizes import Shape as Shape

__getattr__ = _module_getattr(
    __name__, aliases=_aliases.MODULE_ALIASES, hints=_aliases.MODULE_HINTS
)
