"""Data sets, and the encoders and decoders at the two ends of a net."""

from ._cache import cache_folder as cache_folder
from ._classes import Class as Class
from ._dataset import Dataset as Dataset
from ._dataset import take as take
from ._errors import CoderError as CoderError
from ._errors import DatasetError as DatasetError
from ._errors import DatasetNotFoundError as DatasetNotFoundError
from ._errors import FormatError as FormatError
from ._errors import UnknownClassError as UnknownClassError
from ._idx import idx_bytes as idx_bytes
from ._idx import parse_idx as parse_idx
from ._idx import read_idx as read_idx
from ._idx import write_idx as write_idx
from ._mnist import load as load
from ._mnist import load_idx as load_idx
from ._mnist import load_mnist as load_mnist
from ._split import train_val_split as train_val_split
