"""`drypoint train --task keyword`: from a folder of words to C that listens.

Oracle: the commands' own checks (verify compares every byte; the self-test listens).
"""

import json
import math
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from wav_files import write_wav

from drypoint import data
from drypoint.cli._train import _read_noise
from drypoint.data import AudioEncoder
from drypoint.engine import Engine
from drypoint.nn import load
from drypoint.program import Program
from drypoint.tasks import Keywords, _clips, _listening
from tools import ROOT


@pytest.fixture
def words(tmp_path):
    """Two words, a low and a high tone, at 8,000 Hz."""
    rng = np.random.default_rng(0)
    for word, hertz in (("low", 300), ("high", 2000)):
        for i in range(12):
            samples = 8000 * np.sin(2 * np.pi * hertz * np.arange(4000) / 8000)
            samples += rng.normal(0, 300, 4000)
            write_wav(tmp_path / "words" / word / f"{i}.wav", samples)
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
    assert "as a stream" not in cli("measure", program)[1]
    _, text, lines = cli("measure", program, "--false-accepts", 100_000)
    assert "validation, threshold 0.10: " in lines
    assert "threshold 0.95: " in lines
    assert "as a stream: " in text
    detector = Program.load(program).detector
    assert (detector.window, detector.hold, detector.keywords) == (25, 100, (0, 1))
    assert detector.cutoff == 163840  # a tenth of 25 scores of 65,536
    folder = tmp_path / "c"
    assert cli("export", program, "--streaming", "--name", "hey", "--out", folder)[0] == 0
    header = (folder / "hey.h").read_text("utf-8")
    assert "#define HEY_LISTEN_SIZE" in header
    assert "hey_keywords(void *memory, const int32_t *output, size_t *keyword);" in header


def test_a_folder_val_validates_and_the_net_streams_without_padding(cli, words, tmp_path):
    parts = tmp_path / "parts"
    shutil.copytree(words, parts / "train")
    for word in ("low", "high"):
        (parts / "val" / word).mkdir(parents=True)
        for i in range(3):
            (parts / f"train/{word}/{i}.wav").rename(parts / f"val/{word}/{i}.wav")
    arguments = ["--data", parts, "--task", "keyword", "--window", 8000]
    code, _, lines = cli("train", *arguments, "--epochs", 1, "--out", tmp_path / "net.npz")
    assert code == 0
    assert "test part: none, the source names none" in lines
    assert "net: ds-conv1d (--net names another)" in lines
    assert "training on 18 examples, validated on 6" in lines
    assert "held out" not in lines


def test_noise_of_a_folder_is_mixed_in_else_of_the_data_else_generated(cli, words, tmp_path):
    splits = data.read(words, task="keyword", window=8000)
    pool = splits[data.ALL]
    augmentation = Keywords().augmentation
    assert augmentation("none", pool, None) is None
    strong, light = (augmentation(s, pool, None) for s in ("strong", "light"))
    assert (strong.frequency_mask, light.frequency_mask) == (12, 6)
    generated = augmentation("strong", pool, None).recordings
    np.testing.assert_array_equal(generated, _clips.generated_noise(60 * 16_000))
    assert 5000 < generated.std() < 7000
    source, noise = words / "low/0.wav", tmp_path / "noise/a.wav"
    noise.parent.mkdir()
    noise.write_bytes(source.read_bytes())
    recorded = augmentation("light", pool, _read_noise(noise.parent, 16_000)).recordings
    np.testing.assert_array_equal(recorded, data.read_audio(source))
    short = augmentation("light", pool, np.arange(3, dtype=np.int16)).recordings
    assert [len(short), *short[:5]] == [8000, 0, 1, 2, 0, 1]  # a whole clip of noise at least
    (words / "_background_noise_").mkdir()
    (words / "_background_noise_/a.wav").write_bytes(source.read_bytes())
    silent = data.read(words, task="keyword", window=8000)[data.ALL]
    of_data = augmentation("strong", silent, None).recordings
    np.testing.assert_array_equal(of_data, data.read_audio(source)[:8000])
    task = ("--data", words, "--task", "keyword", "--window", 8000)
    assert "wanted a folder with WAV files" in cli("train", *task, "--noise", words)[2]
    usual = ("--data", noise.parent.parent / "words", "--window", 8000, "--noise", noise.parent)
    assert "noise is mixed into clips of words: leave it out" in cli("train", *usual)[2]


def test_windows_across_two_clips_have_the_class_of_what_is_inside():
    """Clips of 8 samples: a word is the pulse in its middle; so the cut says what is inside."""
    clips = np.zeros((60, 8, 1), np.int16)
    clips[:40, 3:5] = [[[1000], [1001]]]
    names = ["word"] * 20 + ["second"] * 20 + ["unknown"] * 10 + ["silence"] * 10
    train = data.Dataset(clips, names, ("second", "silence", "unknown", "word"))
    added = _clips.add_passages(train)
    np.testing.assert_array_equal(added.x[:60], train.x)
    assert 60 < len(added) <= 90
    kinds = set()
    for window, label in zip(added.x[60:, :, 0], added.y[60:], strict=True):
        whole = 1000 in window and 1001 in window
        halves = np.count_nonzero(window)
        name = train.classes[label]
        assert whole == (name in ("word", "second"))
        assert halves <= 2
        kinds.add((name, halves))
    assert {("word", 2), ("second", 2), ("unknown", 0)} <= kinds
    small = data.Dataset(clips[:3], ["word", "second", "word"], ("second", "word"))
    assert _clips.add_passages(small) is small


@pytest.fixture
def listens(cli, words, tmp_path):
    """The program of two words, noise and other words."""
    rng = np.random.default_rng(1)
    for i in range(12):
        write_wav(words / "Noise_" / f"{i}.wav", rng.normal(0, 900, 4000))
        write_wav(words / "other" / f"{i}.wav", 5000 * np.sin(np.arange(4000) ** 1.5 / 99))
    arguments = ["--data", words, "--task", "keyword", "--window", 8000, "--net", "ds-conv1d:16"]
    code, _, lines = cli("train", *arguments, "--epochs", 40, "--out", tmp_path / "net.npz")
    assert code == 0
    assert "never detections: Noise_ (class silence), other (class unknown)" in " ".join(
        lines.split()
    )
    assert cli("quantize", tmp_path / "net.npz", "--out", tmp_path / "net.dpt")[0] == 0
    return tmp_path / "net.dpt"


def test_a_rate_that_validation_clips_cannot_show_is_refused_and_the_usual_one_warns(cli, listens):
    """Oracle: no event in H hours bounds a rate by -log(0.05) / H."""
    before = listens.read_bytes()
    code, _, err = cli("measure", listens, "--false-accepts", 10)
    n = int(re.search(r": (\d+) examples, held out", " ".join(err.split()))[1])
    hours, line = n * 0.5 / 3600, " ".join(err.splitlines()[-1].split())
    assert code == 2
    assert f"--false-accepts 10 is shown by {-math.log(0.05) / 10:.2g} hours without any" in line
    assert f"validation clips are {hours:.2g}: add clips" in line
    shown = math.ceil(-math.log(0.05) / hours)
    assert f"write --false-accepts {shown}, or no number" in line
    assert listens.read_bytes() == before
    code, text, err = cli("measure", listens, "--false-accepts")
    assert (code, f"there may be {shown - 1}" in err or f"there may be {shown}" in err) == (0, True)
    assert "an hour, 95 %: " in text
    program = Program.load(listens)
    assert program.labels == ("high", "low", "silence", "unknown")
    assert program.detector.keywords == (0, 1)  # neither silence nor unknown
    assert cli("measure", listens, "--false-accepts", shown)[0] == 0
    assert Program.load(listens).detector == program.detector


def test_run_names_keywords_and_their_times(cli, listens, words, tmp_path):
    """Oracle: a listener that hears the samples in portions of a step, between silence."""
    rate, rng = 16_000, np.random.default_rng(2)
    samples = rng.normal(0, 300, 5 * rate)
    for second, hertz in ((0, 300), (1.5, 2000), (3, 300)):
        place = int(second * rate)
        samples[place : place + 8000] += 8000 * np.sin(2 * np.pi * hertz * np.arange(8000) / rate)
    path = write_wav(tmp_path / "heard/long.wav", samples, rate)
    write_wav(tmp_path / "heard/quiet.wav", np.zeros(rate // 2), rate)
    code, text, err = cli("run", listens, path)
    assert (code, "has no detector: keywords of a mean probability of 0.5" in err) == (0, True)
    assert cli("measure", listens, "--false-accepts")[0] == 0
    code, text, _ = cli("run", listens, tmp_path / "heard", "--json")
    found = json.loads(text)["answers"]
    assert [answer["input"] for answer in found] == [
        str(tmp_path / "heard" / name) for name in ("long.wav", "quiet.wav")
    ]
    program = Program.load(listens).streaming()
    listener, border = Engine(program).listener(), program.sound_border
    before = border.samples + (program.clocks[-1].first - 1) * border.front.step
    whole = np.pad(data.read_audio(path), (before, before // 2))
    heard = []
    for at in range(0, len(whole), border.front.step):
        listener.listen(whole[at : at + border.front.step])
        seconds = (at + border.front.step - before) / rate
        heard += [(seconds, keyword) for keyword in listener.keywords[len(heard) :]]
    wanted = [(seconds, program.labels[keyword.value]) for seconds, keyword in heard]
    named = [(each["seconds"], each["keyword"]) for each in found[0]["keywords"]]
    assert [name for _, name in named] == [name for _, name in wanted]
    assert {name for _, name in named} == {"low", "high"}
    step = border.front.step / rate  # a portion of one step may end a step later
    assert all(0 <= b - a <= step for (a, _), (b, _) in zip(named, wanted, strict=True))
    assert found[1] == {"input": found[1]["input"], "seconds": 0.5, "keywords": []}
    assert "quiet.wav: no keyword in 0.50 s" in cli("run", listens, tmp_path / "heard")[1]
    streaming = tmp_path / "stream.dpt"
    program.save(streaming)
    assert json.loads(cli("run", streaming, path, "--json")[1])["answers"][0] == found[0]
    clip, model = words / "low/0.wav", load(tmp_path / "net.npz")
    code, text, _ = cli("run", tmp_path / "net.npz", clip)
    assert text.startswith(f"{clip}, step 0: {model.predict(data.read_audio(clip))} (")


def test_clips_one_after_another_have_their_keywords_where_they_are_heard(cli, words, tmp_path):
    """Decisions of 12 + 12 clips of half a second: a decision belongs to the clip in which its last
    sample lies, and to the half clip after it."""
    net = tmp_path / "net.npz"
    arguments = ["--data", words, "--task", "keyword", "--window", 8000, "--net", "tcn:4,4"]
    assert cli("train", *arguments, "--epochs", 1, "--out", net)[0] == 0
    assert cli("quantize", net, "--out", tmp_path / "net.dpt")[0] == 0
    program = Program.load(tmp_path / "net.dpt").streaming()
    clips = data.read(words, task="keyword", window=8000)[data.ALL]
    stream = _listening.listen_to(program, clips)
    first, step = 480 + 47 * 160, 160
    assert len(stream.decisions) == (24 * 8000 - first) // step + 1
    assert stream.hours == 24 * 0.5 / 3600
    assert len(stream.spoken) == 24
    for place, word in enumerate(stream.spoken):
        heard = [first + step * decision for decision in range(word.begin, word.end)]
        assert all(place * 8000 < last <= (place + 1.5) * 8000 for last in heard)
        assert len(heard) == (26 if place == 0 else 50 if place == 23 else 75)


def test_the_example_of_voices_answers_help_and_writes_nothing(tmp_path):
    command = [sys.executable, ROOT / "examples/wake_words.py", "--help"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PATH": ""}, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("usage: wake_words.py [-h] FOLDER [WORD ...]")
    assert [*tmp_path.iterdir()] == []


def test_pictures_are_no_words(refused, tmp_path):
    (tmp_path / "a").mkdir()
    assert "no folder with a subfolder of WAV files for each word" in refused(
        "train", "--data", tmp_path, "--task", "keyword", "--out", tmp_path / "net.npz"
    )
