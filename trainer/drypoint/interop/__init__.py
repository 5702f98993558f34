"""Nets and integer programs from and to ONNX, TensorFlow Lite, PyTorch and Keras.

**ONNX**, as PyTorch, Keras and Wolfram write it, gives a float net:

    net = interop.from_onnx("lenet.onnx")
    model = nn.Model(net, encoder=data.ImageEncoder(width=28, height=28),
                     decoder=data.ClassDecoder(range(10)))

**TensorFlow Lite** gives a float net too. A quantized file of either kind gives an integer program
with the file's own weights, scales and zero points, which needs no calibration:

    net = interop.from_tflite("lenet.tflite")
    program = interop.program_from_tflite("lenet_int8.tflite")
    program = interop.program_from_onnx("lenet_int8.onnx")

**PyTorch** modules, **Keras** models and linear classifiers of **scikit-learn** give float nets
without a file in between, and `check` runs both on the same images:

    net = interop.from_torch(module, torch.zeros(1, 1, 28, 28))
    net = interop.from_keras(model)
    net = interop.from_sklearn(LogisticRegression().fit(x, y))
    print(interop.check(nn.Model(net, encoder=encoder), module, images))

Nets and programs go out again: `to_onnx`, `to_tflite`, `to_torch_state_dict`, `to_safetensors`.

A net can be trained further, measured, quantized and exported; a program can be run, verified and
exported. The extra ``interop`` installs the packages ``onnx`` and ``tflite``, which read the files.

The page "Nets from other frameworks" lists the operators, and says how a quantized file becomes a
program. A program rounds each value once; some kernels of TensorFlow Lite round twice, ONNX Runtime
rounds in float32. From equal inputs a value differs by at most 1. `rounding_report` says how often.
"""

from drypoint.common import module_getattr as _module_getattr

from . import _aliases
from ._errors import ExportError as ExportError
from ._errors import FrameworkError as FrameworkError
from ._errors import ImportFileError as ImportFileError
from ._errors import OnnxError as OnnxError
from ._errors import TfliteError as TfliteError
from ._export import to_onnx as to_onnx
from ._export import to_safetensors as to_safetensors
from ._export import to_tflite as to_tflite
from ._export import to_torch_state_dict as to_torch_state_dict
from ._quantized import is_tflite as is_tflite
from ._quantized import program_and_rounding as program_and_rounding
from ._quantized import rounding_report as rounding_report
from ._rounding import OpRounding as OpRounding
from ._rounding import RoundingReport as RoundingReport
from ._wake_word import WakeWord as WakeWord
from ._wake_word import read_wake_word as read_wake_word
from .frameworks.check import Agreement as Agreement
from .frameworks.check import check as check
from .frameworks.keras import from_keras as from_keras
from .frameworks.sklearn import from_sklearn as from_sklearn
from .frameworks.torch import from_torch as from_torch
from .onnx.read import from_onnx as from_onnx
from .onnx.read import is_quantized_onnx as is_quantized_onnx
from .onnx.read import program_from_onnx as program_from_onnx
from .tflite.read import from_tflite as from_tflite
from .tflite.read import is_quantized_tflite as is_quantized_tflite
from .tflite.read import program_from_tflite as program_from_tflite

__getattr__ = _module_getattr(
    __name__, aliases=_aliases.MODULE_ALIASES, hints=_aliases.MODULE_HINTS
)
