"""examples/recurrent.py: its target, its signals, and the columns of its tables."""

import numpy as np
import pytest
from example_modules import example_module

from drypoint import nn


@pytest.fixture(scope="module")
def example():
    yield from example_module("recurrent")


def test_the_envelope_is_that_of_a_loop(example):
    """Oracle: the recurrence, step by step; floats of 32 bits lose 1e-7 of a number."""
    x, y = example.envelopes(3, seed=5)
    assert x.shape == (3, 1, 1000)
    envelope = np.zeros(3)
    for t in range(1000):
        envelope = np.exp(-1 / 200) * envelope + np.abs(x[:, 0, t].astype(float)) / 200
    np.testing.assert_allclose(y[:, 0], envelope, rtol=1e-5)
    assert not np.array_equal(x, example.envelopes(3, seed=6)[0])


def test_a_row_of_a_picture_is_a_step(example):
    pictures = np.arange(28 * 28).reshape(1, 28, 28).astype(np.uint8)
    signals = example.rows(pictures)
    assert np.array_equal(signals[0, :, 3], pictures[0, 3].astype(np.float32) / 255)


def test_magnitudes_are_of_each_block(example):
    """Oracle: the Fourier sum of a block; floats of 32 bits lose 1e-7 of a number."""
    sound = example.spoken(2, seed=3)
    assert sound.shape == (2, 32000)
    assert 0.4 < np.abs(sound).max() <= 1
    found = example.magnitudes(sound)
    assert found.shape == (2, 257, (32000 - 512) // 128 + 1)
    turns = np.exp(-2j * np.pi * 40 * np.arange(512) / 512)
    wanted = abs((sound[1, 5 * 128 : 5 * 128 + 512] * turns).sum())
    np.testing.assert_allclose(found[1, 40, 5], wanted, rtol=1e-6)
    assert not np.array_equal(sound, example.spoken(2, seed=4))


def test_a_step_reads_inputs_and_state(example):
    program = example.cell(nn.LSTM, 16)
    assert program.macs == 4 * 16 * (32 + 16)
    assert program.input.bytes == 32
    assert program.state_size == 2 * 16 + 16 + 2 * len(program.ops)  # cell, output, counters


def test_a_row_has_the_ratio_of_its_errors(example, monkeypatch, capsys):
    """Oracle: the printed errors, of four digits."""
    whole = example.envelopes
    monkeypatch.setattr(example, "envelopes", lambda n, seed: whole(n // 10, seed))
    monkeypatch.setattr(example, "INTEGER_EPOCHS", 1)
    monkeypatch.setattr("sys.argv", ["recurrent", "envelope", "--seeds", "0", "--epochs", "1"])
    assert example.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert len({line.count("|") for line in lines}) == 1
    _, seed, real, *rest, _ = (cell.strip() for cell in lines[2].split("|"))
    assert seed == "0"
    for integers, ratio in (rest[:2], rest[2:]):  # rounded, and trained
        assert float(ratio) == pytest.approx(float(integers) / float(real), abs=0.002)
