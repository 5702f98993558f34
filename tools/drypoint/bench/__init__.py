"""Speed, measured honestly: the engine's backends, their layers, and the machine's limit."""

from ._bench import bench as bench
from ._chart import SpeedBars as SpeedBars
from ._errors import BenchError as BenchError
from ._figure import Figure as Figure
from ._machine import Machine as Machine
from ._markdown import markdown as markdown
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
from ._result import EngineTimes as EngineTimes
from ._result import LayerTime as LayerTime
from ._result import NetTimes as NetTimes
from ._result import PeerTimes as PeerTimes
from ._result import Startup as Startup
from ._result import ThreadTimes as ThreadTimes
from ._result import to_json as to_json
from ._tables import text as text
from ._tflite import to_tflite as to_tflite
