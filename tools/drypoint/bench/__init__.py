"""Speed, measured honestly: the engine's backends, their layers, and the machine's limit."""

from ._bench import bench as bench
from ._errors import BenchError as BenchError
from ._figure import Figure as Figure
from ._nets import NETS as NETS
from ._nets import Case as Case
from ._nets import case_of as case_of
from ._nets import empty_case as empty_case
from ._nets import known_nets as known_nets
from ._nets import make_case as make_case
from ._onnx_file import to_onnx as to_onnx
from ._plan import QUICK as QUICK
from ._plan import Plan as Plan
from ._result import BenchResult as BenchResult
from ._result import to_json as to_json
from ._tables import text as text
from ._tflite import to_tflite as to_tflite
