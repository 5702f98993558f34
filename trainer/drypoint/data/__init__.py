"""Data sets, encoders of inputs and targets, decoders of outputs, and augmentation."""

from drypoint.common import module_getattr as _module_getattr

from . import _aliases
from . import _augment as augment
from ._dataset.boxes import Boxes
from ._dataset.classes import SILENCE, UNKNOWN, Class, class_names, class_places, is_word
from ._dataset.dataset import Dataset, model_inputs, take
from ._dataset.labels import NO_LABEL, is_label_map, is_one_hot, label_indices
from ._dataset.picture import picture_size
from ._dataset.pixels import channels_last, check_scaled, plain_images
from ._dataset.splits import ALL, Splits, choose_validation, hold_out, train_val_split
from ._encoders.audio_encoder import AudioEncoder
from ._encoders.boolean import BooleanDecoder, BooleanEncoder
from ._encoders.box_decoder import BoxDecoder, FoundBox
from ._encoders.choose import choose_encoder
from ._encoders.class_decoder import ClassDecoder, ClassEncoder
from ._encoders.from_config import Decoder, Encoder, decoder_from_config, encoder_from_config
from ._encoders.function_encoder import FunctionEncoder
from ._encoders.image_encoder import ImageDecoder, ImageEncoder, ascii_image
from ._encoders.signal_encoder import SignalEncoder
from ._errors import (
    AugmentError,
    CoderError,
    DatasetError,
    DatasetNotFoundError,
    FormatError,
    UnknownClassError,
)
from ._readers.folder import load_folder
from ._readers.idx import idx_bytes, load_idx, parse_idx, read_idx, write_idx
from ._readers.npz import read_inputs
from ._readers.read import input_files, read
from ._readers.recordings import read_samples
from ._readers.wav import read_audio
from ._sources.named import DatasetCard, cards, load
from ._sources.scenes import scenes
from ._sources.sources import cache_folder

__all__ = [
    "ALL",
    "NO_LABEL",
    "SILENCE",
    "UNKNOWN",
    "AudioEncoder",
    "AugmentError",
    "BooleanDecoder",
    "BooleanEncoder",
    "BoxDecoder",
    "Boxes",
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
    "FoundBox",
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
    "choose_encoder",
    "choose_validation",
    "class_names",
    "class_places",
    "decoder_from_config",
    "encoder_from_config",
    "hold_out",
    "idx_bytes",
    "input_files",
    "is_label_map",
    "is_one_hot",
    "is_word",
    "label_indices",
    "load",
    "load_folder",
    "load_idx",
    "model_inputs",
    "parse_idx",
    "picture_size",
    "plain_images",
    "read",
    "read_audio",
    "read_idx",
    "read_inputs",
    "read_samples",
    "scenes",
    "take",
    "train_val_split",
    "write_idx",
]

__getattr__ = _module_getattr(
    __name__, aliases=_aliases.MODULE_ALIASES, hints=_aliases.MODULE_HINTS
)
