"""Data sets, encoders of inputs and targets, decoders of outputs, and augmentation."""

from drypoint.common import module_getattr as _module_getattr

from . import _aliases
from . import _augment as augment
from ._audio.encoder import AudioEncoder
from ._boolean import BooleanDecoder, BooleanEncoder
from ._cache import cache_folder
from ._class_decoder import ClassDecoder
from ._class_encoder import ClassEncoder
from ._classes import Class, class_names, class_places
from ._dataset import Dataset, take
from ._errors import (
    AugmentError,
    CoderError,
    DatasetError,
    DatasetNotFoundError,
    FormatError,
    UnknownClassError,
)
from ._folder import load_folder
from ._from_config import decoder_from_config, encoder_from_config
from ._function_encoder import FunctionEncoder
from ._idx import idx_bytes, parse_idx, read_idx, write_idx
from ._idx_files import load_idx
from ._image_decoder import ImageDecoder
from ._image_encoder import ImageEncoder
from ._inputs import model_inputs
from ._labels import is_one_hot, label_indices
from ._named import DatasetCard, cards, load
from ._pixels import channels_last, check_scaled, plain_images
from ._protocols import Decoder, Encoder
from ._read import read
from ._recordings import read_samples
from ._signal_encoder import SignalEncoder
from ._split import train_val_split
from ._splits import ALL, Splits
from ._text import ascii_image

__all__ = [
    "ALL",
    "AudioEncoder",
    "AugmentError",
    "BooleanDecoder",
    "BooleanEncoder",
    "Class",
    "ClassDecoder",
    "ClassEncoder",
    "CoderError",
    "Dataset",
    "DatasetCard",
    "DatasetError",
    "DatasetNotFoundError",
    "Decoder",
    "Encoder",
    "FormatError",
    "FunctionEncoder",
    "ImageDecoder",
    "ImageEncoder",
    "SignalEncoder",
    "Splits",
    "UnknownClassError",
    "ascii_image",
    "augment",
    "cache_folder",
    "cards",
    "channels_last",
    "check_scaled",
    "class_names",
    "class_places",
    "decoder_from_config",
    "encoder_from_config",
    "idx_bytes",
    "is_one_hot",
    "label_indices",
    "load",
    "load_folder",
    "load_idx",
    "model_inputs",
    "parse_idx",
    "plain_images",
    "read",
    "read_idx",
    "read_samples",
    "take",
    "train_val_split",
    "write_idx",
]

__getattr__ = _module_getattr(
    __name__, aliases=_aliases.MODULE_ALIASES, hints=_aliases.MODULE_HINTS
)
