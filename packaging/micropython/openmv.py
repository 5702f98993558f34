"""Classifies digits that an OpenMV camera sees: dark ink on white paper.

digits.dpt is what `drypoint quantize` writes; drypoint.mpy lies beside it. No camera has run this
file yet.
"""

import sensor

import drypoint

sensor.reset()
sensor.set_pixformat(sensor.GRAYSCALE)
sensor.set_framesize(sensor.QQVGA)
sensor.set_windowing((112, 112))

with open("digits.dpt", "rb") as file:  # noqa: PTH123 - MicroPython has no pathlib
    model = drypoint.Model(file.read())

while True:
    picture = sensor.snapshot()
    picture.invert()  # the net reads white digits on black
    small = picture.scale(x_scale=0.25, y_scale=0.25)  # 28 x 28
    scores = model.run(small.bytearray())
    print(model.labels[scores.index(max(scores))])
