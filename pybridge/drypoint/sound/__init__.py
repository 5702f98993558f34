"""Front ends of sound models: from int16 samples to features, in integers.

    front = sound.micro()                   # TensorFlow Lite Micro's, with microWakeWord's settings
    sound.features(front, samples)          # uint16 (frames, channels)

NUMERICS.md section 12 specifies the arithmetic to the bit.
"""

from ._compiled import features
from ._front_end import (
    GAIN,
    LARGEST_FFT,
    LOG,
    NOISE,
    SMALLEST_FFT,
    FrontEnd,
    SoundError,
    int16_samples,
    table_shapes,
)
from ._tables import log_mel, micro, spectrum

__all__ = [
    "GAIN",
    "LARGEST_FFT",
    "LOG",
    "NOISE",
    "SMALLEST_FFT",
    "FrontEnd",
    "SoundError",
    "features",
    "int16_samples",
    "log_mel",
    "micro",
    "spectrum",
    "table_shapes",
]
