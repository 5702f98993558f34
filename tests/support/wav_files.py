"""WAV files of the standard library's writer."""

import io
import wave


def wav_bytes(samples, rate=8000, channels=1):
    """The bytes of a WAV file of samples of 16 bits, or of 8 where they are uint8."""
    width = 1 if samples.dtype == "u1" else 2
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.astype("u1" if width == 1 else "<i2").tobytes())
    return buffer.getvalue()


def write_wav(path, samples, rate=8000, channels=1):
    """Write such a file, and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav_bytes(samples, rate, channels))
    return path
