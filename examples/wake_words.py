"""Writes WAV files of words spoken by espeak-ng: a data set of synthetic voices.

    python examples/wake_words.py FOLDER [WORD ...]

FOLDER gets the subfolders train, test and val, in each one for a word, one for other words
("unknown") and one with noise ("_background_noise_"). No voice and no variant is in two parts:
train en-us and en-gb, test en-029 and en-gb-scotland, val four other accents. Training files are
clean, since training mixes noise in; the others have noise at 10 dB. Needs the command espeak-ng.
"""

import argparse
import os
import subprocess
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

RATE = 16_000
VOICES = {
    "train": ("en-us", "en-gb"),
    "test": ("en-029", "en-gb-scotland"),
    "val": ("en-us-nyc", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd"),
}
VARIANTS = {
    "train": (
        *("m1", "m3", "m5", "m6", "m7", "m8", "f1", "f3", "f5", "Alex", "Alicia", "Andrea", "Andy"),
        *("Annie", "Denis", "Diogo", "Gene", "Henrique", "Hugo", "Jacky", "Lee", "Marco", "Mario"),
        *("Michael", "Mike", "Nguyen", "Reed", "adam", "anika", "antonio", "aunty", "belinda"),
        *("benjamin", "boris", "caleb", "david", "ed", "edward", "gustave", "ian", "iven", "john"),
        *("linda", "marcelo", "max", "michel", "miguel", "norbert", "pablo", "paul", "pedro"),
        *("quincy", "rob", "robert", "sandro", "shelby", "steph", "travis", "victor", "zac"),
    ),
    "test": ("m2", "m4", "f2", "f4"),
    "val": ("announcer", "grandma", "grandpa", "kaukovalta", "edward2", "steph2"),
}
TAKES = {"train": 3, "test": 6, "val": 4}  # of a voice, a variant and a word, each its own manner
OTHER_TAKES = {"train": 0.15, "test": 1, "val": 1}  # of another word: fewer, since there are more
WORDS = (
    *("bicycle", "hello", "kitchen", "lantern", "monday"),
    *("orange", "robot", "saturday", "telephone", "yellow"),
)
OTHERS = (
    *("cat", "dog", "house", "tree", "seven", "eight", "nine", "happy", "computer", "window"),
    *("garden", "paper", "water", "music", "morning", "evening", "table", "carpet", "machine"),
    *("mark in", "she will", "margin", "bird", "bed", "follow", "three", "wow", "learn", "four"),
    *("yes", "no", "up", "down", "left", "right", "stop", "go"),
)
SENTENCES = {"train": 100, "test": 40, "val": 40}  # of other words, cut into clips of a second
PITCHES, SPEEDS = (25, 80), (120, 200)
SNR_DB = 10  # of the noise in a file that is not for training


class Take(NamedTuple):
    """One recording: words or a sentence, its voice, pitch, speed, and the name of its files."""

    text: str
    voice: str
    pitch: int
    speed: int
    sentence: bool
    name: str


def speak(take: Take) -> np.ndarray:
    """Samples at 16,000 Hz."""
    command = ["espeak-ng", "-v", take.voice, "-p", str(take.pitch), "-s", str(take.speed)]
    data = subprocess.run([*command, "--stdout", take.text], check=True, capture_output=True).stdout
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


def takes(part: str, words: tuple[str, ...], rng: np.random.Generator) -> Iterator[Take]:
    """What is spoken in a part of the data set."""

    def manner() -> tuple[int, int]:
        return int(rng.integers(*PITCHES)), int(rng.integers(*SPEEDS))

    for word in (*words, *(other for other in OTHERS if other not in words)):
        name = word if word in words else "unknown"
        for voice in VOICES[part]:
            for variant in VARIANTS[part]:
                often = TAKES[part] if word in words else OTHER_TAKES[part]
                for i in range(often if often >= 1 else int(rng.random() < often)):
                    file = f"{name}/{word}-{voice}-{variant}-{i}"
                    yield Take(word, f"{voice}+{variant}", *manner(), False, file)
    others = [other for other in OTHERS if other not in words]
    for i in range(SENTENCES[part]):
        voice = f"{rng.choice(VOICES[part])}+{rng.choice(VARIANTS[part])}"
        yield Take(" ".join(rng.permutation(others)[:8]), voice, *manner(), True, f"unknown/{i}")


def clips(take: Take, spoken: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Clips of a second: a word at a random place, or the pieces of a sentence."""
    if take.sentence:
        for k in range(len(spoken) // RATE):
            yield spoken[k * RATE : (k + 1) * RATE] * rng.uniform(0.2, 1)
        return
    clip = np.zeros(RATE)
    cut = spoken[:RATE]
    at = int(rng.integers(0, RATE - len(cut) + 1))
    clip[at : at + len(cut)] = cut * rng.uniform(0.2, 1)
    yield clip


def main(folder: Path, words: tuple[str, ...]) -> None:
    rng = np.random.default_rng(0)
    for part in VOICES:
        todo = list(takes(part, words, rng))
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            for take, spoken in zip(todo, threads.map(speak, todo), strict=True):
                for k, clip in enumerate(clips(take, spoken, rng)):
                    level = np.sqrt(np.square(clip).mean()) * 10 ** (-SNR_DB / 20)
                    mixed = clip if part == "train" else clip + level * noise(rng, RATE)
                    save(folder / part / f"{take.name}-{k}.wav", mixed)
        for i in range(20 if part == "train" else 5):
            samples = noise(rng, 8 * RATE) * 10 ** rng.uniform(0, 3.3)
            save(folder / part / "_background_noise_" / f"{i}.wav", samples)


if __name__ == "__main__":
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("words", nargs="*", default=WORDS, metavar="WORD")
    chosen = parser.parse_args()
    main(chosen.folder, tuple(chosen.words))
