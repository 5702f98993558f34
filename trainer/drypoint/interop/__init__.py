"""Nets from where people train: ONNX files, as PyTorch, Keras and Wolfram write them.

    net = interop.from_onnx("lenet.onnx")
    model = nn.Model(net, encoder=data.ImageEncoder(width=28, height=28),
                     decoder=data.ClassDecoder(range(10)))

What comes out is a net like any other: it is trained further, measured, quantized and exported.
The extra ``interop`` brings the package that reads the files.
"""

from ._errors import OnnxError as OnnxError
from ._onnx import from_onnx as from_onnx
