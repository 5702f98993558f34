"""The C engine in Python: a blob in, integers out, the same bytes as the reference."""

from ._engine import Engine as Engine
from ._engine import EngineError as EngineError
from ._source import c_sources as c_sources
from ._source import include_dir as include_dir
