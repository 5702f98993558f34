"""Draws boxes around the things that an OpenMV camera sees.

net.dpt and its decoder are of a model of 96 x 96 gray pixels (docs/find-things.md); the camera's
drypoint.mpy lies beside them. No camera has run this file yet.
"""

import sensor

import drypoint

DECODER = b""  # what `python packaging/micropython/decoder.py net.dpt` prints
SIDE = 96

sensor.reset()
sensor.set_pixformat(sensor.GRAYSCALE)
sensor.set_framesize(sensor.QQVGA)
sensor.set_windowing((SIDE, SIDE))

with open("net.dpt", "rb") as file:  # noqa: PTH123 - MicroPython has no pathlib
    model = drypoint.Model(file.read())

while True:
    picture = sensor.snapshot()
    for score, value, *edges in model.boxes(picture.bytearray(), DECODER):
        left, top, right, bottom = (edge // 16 for edge in edges)  # pixels
        picture.draw_rectangle((left, top, right - left, bottom - top), color=255)
        print(model.labels[value], score, left, top, right, bottom)
