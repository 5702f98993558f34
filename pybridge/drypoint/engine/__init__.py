"""The C engine in Python: runs a blob; its integers equal the reference's to the byte."""

from drypoint.common import module_getattr as _module_getattr

from . import _aliases
from ._compiled import Compiled as Compiled
from ._compiled import CompilerError as CompilerError
from ._compiled import find_compiler as find_compiler
from ._engine import Engine as Engine
from ._export import ExportModel as ExportModel
from ._export import export_c as export_c
from ._export import export_models as export_models
from ._export import families_of as families_of
from ._recordings import Recordings as Recordings
from ._recordings import make_runner as make_runner
from ._source import FAMILIES as FAMILIES
from ._source import c_sources as c_sources
from ._source import engine_files as engine_files
from ._source import headers as headers
from ._source import include_dir as include_dir
from ._source import include_dirs as include_dirs
from ._stream import EngineError as EngineError
from ._stream import Listener as Listener
from ._stream import Stream as Stream
from ._verify import Runner as Runner
from ._verify import Verification as Verification
from ._verify import verify as verify

__getattr__ = _module_getattr(
    __name__, aliases=_aliases.MODULE_ALIASES, hints=_aliases.MODULE_HINTS
)
