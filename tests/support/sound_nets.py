"""Small programs that listen: a front end, a convolutional net, whole windows or a stream."""

from dataclasses import replace
from functools import cache

import numpy as np
import sound_signals
from last_output import with_last

from drypoint import data, nn, quant
from drypoint.program import Detector, reference

ROWS = 20
SHORT = 6000  # samples of a signal in which every program decides
SIGNAL = sound_signals.whole_signal(7, 4000)
SETTINGS = {
    "micro": {"channels": 10},
    "log-mel": {"rate": 8000, "window": 131, "step": 50, "channels": 7, "high": 3000.0},
    "spectrum": {"rate": 1000, "window": 16, "step": 16},
}


@cache
def window_program(preset="micro"):
    """A program that reads windows of 20 rows."""
    encoder = data.AudioEncoder(preset=preset, rows=ROWS, settings=SETTINGS[preset])
    width = encoder.front.channels
    layers = [nn.Conv2d(4, (3, 3), in_channels=1), nn.ReLU()]
    layers += [nn.Conv2d(8, (3, width - 2)), nn.ReLU(), nn.Flatten(), nn.Linear(3)]
    net = nn.Sequential(*layers).bind(encoder.shape).initialize(seed=1)
    n = len(SIGNAL) // encoder.samples
    clips = SIGNAL[: n * encoder.samples].reshape(n, encoder.samples)
    model = nn.Model(net, encoder=encoder)
    return quant.quantize(model, quant.calibrate(model, clips), name=preset.replace("-", "_"))


@cache
def programs():
    """Windows and streams of all presets."""
    whole = [window_program(preset) for preset in SETTINGS]
    return [*whole, *(program.streaming() for program in whole)]


@cache
def keyword_program():
    """The net of `drypoint train --task keyword`, untrained, of 12 words, with a detector: it reads
    windows of a second."""
    encoder = data.AudioEncoder(preset="log-mel", rows=98, layout="signal")
    clips = np.resize(SIGNAL, (4, encoder.samples)).astype(np.int16)
    model = nn.Model(nn.ds_conv1d(classes=12, seed=1), encoder=encoder)
    program = quant.quantize(model, quant.calibrate(model, clips), name="words")
    detector = Detector(window=8, hold=33, cutoff=8 * 60_000, keywords=tuple(range(10)))
    return replace(program, detector=detector)


def detecting_programs():
    """Windows and a stream of small programs, each with a detector that detects in `SIGNAL`; one of
    them ends in a softmax."""
    for program in (programs()[2], programs()[4], programs()[5]):
        plain = with_last(program, softmax=program.name == "log_mel", scale=1 / 64)
        decisions = reference.run(plain, inputs_of(plain, SIGNAL[:SHORT])).reshape(-1, 3)
        detector = Detector(window=3, hold=2, cutoff=0, keywords=(0, 2))
        scores = detector.scores(decisions, plain.outputs[-1]).max(axis=1)
        yield replace(plain, detector=replace(detector, cutoff=2 * int(np.median(scores))))


def inputs_of(program, samples=SIGNAL):
    """The inputs (N, h, w, c) that a program makes of a signal when it listens."""
    rows = program.sound_border.rows_of(samples)
    n = len(rows) // program.sound_border.rows
    return np.ascontiguousarray(
        rows[: n * program.sound_border.rows].reshape(n, *program.input_shape)
    )
