"""`drypoint train --task keyword`: from a folder of words to C that listens.

Oracle: the commands' own checks (verify compares every byte; the self-test listens).
"""

import wave

import numpy as np
import pytest

from drypoint.data import AudioEncoder
from drypoint.nn import load
from drypoint.program import Program


@pytest.fixture
def words(tmp_path):
    """Two words, a low and a high tone, at 8,000 Hz."""
    rng = np.random.default_rng(0)
    for word, hertz in (("low", 300), ("high", 2000)):
        for i in range(12):
            samples = 8000 * np.sin(2 * np.pi * hertz * np.arange(4000) / 8000)
            path = tmp_path / "words" / word / f"{i}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes((samples + rng.normal(0, 300, 4000)).astype("<i2").tobytes())
    return tmp_path / "words"


def test_words_become_a_program_that_listens(cli, words, tmp_path):
    net, program = tmp_path / "net.npz", tmp_path / "net.dpt"
    arguments = ["--data", words, "--task", "keyword", "--window", 8000, "--net", "tcn:4,4"]
    assert cli("train", *arguments, "--epochs", 1, "--out", net)[0] == 0
    encoder = load(net).encoder
    assert isinstance(encoder, AudioEncoder)
    assert (encoder.shape, encoder.sample_rate) == ((40, 48), 16_000)
    assert cli("quantize", net, "--out", program)[0] == 0
    assert Program.load(program).front.table_bytes == encoder.front.table_bytes
    assert cli("measure", program)[0] == 0
    folder = tmp_path / "c"
    assert cli("export", program, "--streaming", "--name", "word", "--out", folder)[0] == 0
    assert "#define WORD_LISTEN_SIZE" in (folder / "word.h").read_text("utf-8")


def test_pictures_are_no_words(refused, tmp_path):
    (tmp_path / "a").mkdir()
    assert "no folder with a subfolder of WAV files for each word" in refused(
        "train", "--data", tmp_path, "--task", "keyword", "--out", tmp_path / "net.npz"
    )
