"""Import of nets from ONNX files, as PyTorch, Keras and Wolfram write them.

    net = interop.from_onnx("lenet.onnx")
    model = nn.Model(net, encoder=data.ImageEncoder(width=28, height=28),
                     decoder=data.ClassDecoder(range(10)))

The result is an ordinary net: it can be trained further, measured, quantized and exported. The
extra ``interop`` installs the package ``onnx``, which reads the files.
"""

from ._errors import OnnxError as OnnxError
from ._errors import TfliteError as TfliteError
from ._onnx import from_onnx as from_onnx
from ._tflite import from_tflite as from_tflite
from ._tflite import program_from_tflite as program_from_tflite
