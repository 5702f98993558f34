"""Writes WAV files of words spoken by espeak-ng: a data set of synthetic voices.

    python examples/wake_words.py FOLDER [WORD ...]

FOLDER gets the subfolders train and test, in each one for a word, one for other words ("unknown")
and one with noise ("_background_noise_"). The voices of the test part are in no training file:
train en-us and en-gb, test en-029 and en-gb-scotland. Needs the command espeak-ng.
"""

import subprocess
import sys
import wave
from pathlib import Path

import numpy as np

RATE = 16_000
VOICES = {"train": ("en-us", "en-gb"), "test": ("en-029", "en-gb-scotland")}
VARIANTS = {"train": ("m1", "m3", "m5", "m7", "f1", "f3", "f5"), "test": ("m2", "m4", "f2", "f4")}
TAKES = 9  # of each voice and word, in pitch and speed of their own
WORDS = ("marvin", "sheila")
OTHERS = (
    *("yes", "no", "up", "down", "left", "right", "stop", "go", "on", "off", "cat", "dog", "house"),
    *("tree", "seven", "eight", "nine", "happy", "computer", "window", "garden", "paper", "water"),
    *("music", "morning", "evening", "table", "carpet", "mark_in", "she_will", "margin", "machine"),
)
SENTENCES = {"train": 150, "test": 40}  # of other words, cut into clips of a second
SNR_DB = 10  # of the noise in every file


def speak(word: str, voice: str, pitch: int, speed: int) -> np.ndarray:
    """int16 samples at 16,000 Hz."""
    command = ["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "--stdout", word]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    rate = int.from_bytes(data[24:28], "little")
    samples = np.frombuffer(data[44 : 44 + (len(data) - 44) // 2 * 2], "<i2").astype(np.float64)
    places = np.arange(0, len(samples) - 1, rate / RATE)
    return np.interp(places, np.arange(len(samples)), samples)


def noise(rng: np.random.Generator, n: int) -> np.ndarray:
    """Noise whose power falls with the frequency, of deviation 1."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum /= np.maximum(1, np.arange(len(spectrum))) ** rng.uniform(0, 0.8)
    values = np.fft.irfft(spectrum, n)
    return values / values.std()


def save(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.round().clip(-32768, 32767).astype("<i2").tobytes())


def main(folder: Path, words: tuple[str, ...]) -> None:
    rng = np.random.default_rng(0)
    for part, voices in VOICES.items():
        for word in (*words, *OTHERS):
            name = word if word in words else "unknown"
            for voice in voices:
                for variant in VARIANTS[part]:
                    takes = TAKES if name != "unknown" else 1
                    for take in range(takes):
                        pitch, speed = int(rng.integers(25, 80)), int(rng.integers(120, 200))
                        spoken = speak(word.replace("_", " "), f"{voice}+{variant}", pitch, speed)
                        clip = np.zeros(RATE)
                        cut = spoken[:RATE]
                        at = int(rng.integers(0, RATE - len(cut) + 1))
                        clip[at : at + len(cut)] = cut * rng.uniform(0.2, 1)
                        level = np.sqrt(np.square(clip).mean()) * 10 ** (-SNR_DB / 20)
                        clip += level * noise(rng, RATE)
                        file = f"{word}-{voice}-{variant}-{take}.wav"
                        save(folder / part / name / file, clip)
        for i in range(SENTENCES[part]):
            voice = f"{rng.choice(voices)}+{rng.choice(VARIANTS[part])}"
            text = " ".join(rng.permutation(OTHERS)[:8]).replace("_", " ")
            spoken = speak(text, voice, int(rng.integers(25, 80)), int(rng.integers(120, 200)))
            for k in range(len(spoken) // RATE):
                clip = spoken[k * RATE : (k + 1) * RATE] * rng.uniform(0.2, 1)
                level = np.sqrt(np.square(clip).mean()) * 10 ** (-SNR_DB / 20)
                save(folder / part / "unknown" / f"{i}-{k}.wav", clip + level * noise(rng, RATE))
        for i in range(20 if part == "train" else 5):
            samples = noise(rng, 8 * RATE) * 10 ** rng.uniform(0, 3.3)
            save(folder / part / "_background_noise_" / f"{i}.wav", samples)


if __name__ == "__main__":
    main(Path(sys.argv[1]), tuple(sys.argv[2:]) or WORDS)
