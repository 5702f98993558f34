"""The page of sound in a headless Chromium: what it hears from files and from a microphone, to the
byte, and what it refuses. Chromium plays a WAV file as its microphone."""

import base64
import json
import struct

import numpy as np
import pytest
import sound_nets
from browser import chromium
from wav_files import write_wav

from drypoint import models, serve, sound
from drypoint.data import Dataset
from drypoint.engine import Engine
from drypoint.program import blob, reference, softmax

PROGRAMS = [*sound_nets.programs(), *sound_nets.detecting_programs()]
DETECTS = PROGRAMS[7]  # log-mel at 8,000 Hz, a stream that ends in a softmax
SIGNAL = sound_nets.SIGNAL[: sound_nets.SHORT]
PROBLEM = "document.getElementById('problem').textContent"


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A WAV file at 8,000 Hz."""
    return write_wav(tmp_path_factory.mktemp("sound") / "signal.wav", SIGNAL)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(serve.make_page(DETECTS), "utf-8")
    return path


@pytest.fixture(scope="module")
def browser(toolbox, recording):
    """With a microphone that plays the recording once."""
    with chromium(
        toolbox.need("chromium"), "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
        f"--use-file-for-fake-audio-capture={recording}",
    ) as found:  # fmt: skip
        yield found


def text_of(content: bytes) -> str:
    return json.dumps(base64.b64encode(content).decode())


FRAMES = """(frames => frames.map(({ features, answer, keyword }) => ({
  features: [...features], keyword, decision: answer && answer.decision,
  output: answer && [...answer.output],
  probability: answer && answer.probability && [...answer.probability] })))"""


def check_frames(frames, program, samples):
    """Features, decisions, probabilities and keywords equal the reference's, frame by frame."""
    border = program.sound_border
    np.testing.assert_array_equal(
        [frame["features"] for frame in frames], sound.features(border.front, samples)
    )
    expected = reference.run(program, sound_nets.inputs_of(program, samples)).reshape(-1, 3)
    decided = [frame for frame in frames if frame["decision"] is not None]
    np.testing.assert_array_equal([frame["output"] for frame in decided], expected)
    np.testing.assert_array_equal([frame["decision"] for frame in decided], expected.argmax(axis=1))
    if program.softmax:
        shares = softmax.run(expected, softmax.scale(program.output_scale))
        np.testing.assert_array_equal([frame["probability"] for frame in decided], shares)
    heard = [(i, f["keyword"]) for i, f in enumerate(decided) if f["keyword"] is not None]
    wanted = (
        [] if program.detector is None else program.detector.detect(expected, program.outputs[-1])
    )
    assert heard == wanted
    return heard


def test_a_signal_in_portions_has_the_bytes_of_the_reference(opened):
    """Windows and streams of all front ends, with and without detector. Oracle: the reference in
    NumPy."""
    detected = 0
    for program in PROGRAMS:
        for portion in (1 << 20, 331, 7):
            frames = opened.run(
                f"""(() => {{
                  drypoint.engine.load(fromBase64({text_of(blob.dumps(program))}));
                  const samples = new Int16Array(fromBase64({text_of(SIGNAL.tobytes())}).buffer);
                  const frames = [];
                  for (let at = 0; at < samples.length; at += {portion}) {{
                    frames.push(...drypoint.engine.listen(samples.subarray(at, at + {portion})));
                  }}
                  return {FRAMES}(frames);
                }})()"""
            )
            detected += len(check_frames(frames, program, SIGNAL))
        size = Engine(program).listener().memory_size
        assert opened.run("drypoint.engine.exports.arena_size()") == size
    assert detected > 6


def test_a_file_is_heard_and_shown(opened, recording):
    """The list has each keyword with its time, and the slider shows each decision, by keyboard."""
    opened.choose("#file", recording)
    front = DETECTS.front
    n = (len(SIGNAL) - front.window.size) // front.step + 1
    opened.wait(f"drypoint.frames.length === {n} && drypoint.shown === {n - 1}")
    frames = opened.run(f"{FRAMES}(drypoint.frames)")
    first = next(i for i, frame in enumerate(frames) if frame["decision"] is not None)
    listener = Engine(DETECTS).listener()
    listener.listen(SIGNAL)
    lines = opened.run("[...document.querySelectorAll('#log li')].map((line) => line.textContent)")
    assert len(lines) == len(listener.keywords) > 2
    for line, keyword in zip(reversed(lines), listener.keywords, strict=True):
        frame = first + keyword.decision
        share = frames[frame]["probability"][keyword.value] / 2**30
        ends = (frame * front.step + front.window.size) / front.rate
        assert line == f"{ends:.2f} s {keyword.value}, {100 * share:.1f} %"
    opened.run("document.querySelector('#log button').click()")
    at = first + listener.keywords[-1].decision
    opened.wait(f"Number(document.getElementById('time').value) === {at}")
    assert opened.run("document.getElementById('decision').textContent") == str(
        listener.keywords[-1].value
    )
    opened.run("document.getElementById('time').focus()")
    opened.call("Input.dispatchKeyEvent", type="keyDown", key="Home", code="Home",
                windowsVirtualKeyCode=36)  # fmt: skip
    opened.wait("drypoint.shown === 0 && document.getElementById('moment').textContent[2] === '0'")
    said = opened.run("document.getElementById('time').getAttribute('aria-valuetext')")
    loudest = int(np.argmax(frames[0]["features"]))
    assert said == (
        f"{front.window.size / front.rate:.2f} s: no decision yet; largest feature: "
        f"{frames[0]['features'][loudest]} in channel {loudest + 1} of {front.channels}"
    )
    assert opened.run("document.getElementById('moment').textContent") == said


def test_the_microphone_is_heard_as_the_reference_hears_it(opened):
    """The samples that came from the browser's resampler, in its portions."""
    opened.run(
        """(() => { const { engine } = drypoint; const listen = engine.listen.bind(engine);
        drypoint.heard = []; engine.listen = (samples) => {
          drypoint.heard.push(...samples); return listen(samples); }; })()"""
    )
    button = "document.getElementById('microphone')"
    opened.run(f"{button}.click()")
    opened.wait("drypoint.frames.length > 60 && drypoint.heard.some((value) => value > 1000)")
    assert opened.run(f"{button}.getAttribute('aria-pressed')") == "true"
    opened.run(f"{button}.click()")
    assert opened.run(f"{button}.getAttribute('aria-pressed')") == "false"
    samples = np.array(opened.run("drypoint.heard"), np.int16)
    frames = opened.run(f"{FRAMES}(drypoint.frames)")
    check_frames(frames, DETECTS, samples)


def test_without_permission_a_line_says_what_to_do(toolbox, page, recording):
    with chromium(toolbox.need("chromium"), "--deny-permission-prompts") as tab:
        tab.open(page.as_uri())
        tab.run("document.getElementById('microphone').click()")
        tab.wait(PROBLEM)
        said = tab.run(PROBLEM)
        assert said.startswith("no microphone: ")
        assert said.endswith(" A WAV file needs none: drop it here.")
        tab.drop(recording, 200, 300)
        tab.wait("drypoint.frames.length > 60")
        assert tab.run(PROBLEM) == ""


def test_files_of_another_form_are_decoded_by_the_browser(opened, tmp_path):
    """Stereo at 16,000 Hz: the mean of the channels at half the rate. Tolerance: two resamplers
    differ near the new Nyquist frequency, which the tone is far from."""
    tone = 8000 * np.sin(2 * np.pi * 500 * np.arange(16_000) / 16_000)
    path = write_wav(tmp_path / "tone.wav", np.stack([tone * 1.5, tone * 0.5], 1), 16_000, 2)
    samples = np.array(
        opened.run(f"fileSamples(fromBase64({text_of(path.read_bytes())}), 8000)"
                   ".then((samples) => [...samples])")
    )  # fmt: skip
    assert len(samples) == 8000
    wanted = 8000 * np.sin(2 * np.pi * 500 * np.arange(8000) / 8000)
    assert np.abs(samples - wanted)[200:-200].max() < 80


def test_what_is_no_sound_is_refused(opened, recording, tmp_path):
    good = recording.read_bytes()
    empty = good[:40] + struct.pack("<I", 0)
    for content, words in (
        (good[:-100], "it is cut off: 11900 of 12000 bytes"),
        (good[:30], "it has no sound"),
        (empty, "it has 0 samples, and a frame has 131"),
        (b"no sound at all", "Unable to decode audio data"),
    ):
        path = tmp_path / "bad.wav"
        path.write_bytes(content)
        opened.choose("#file", path)
        opened.wait(PROBLEM)
        assert opened.run(PROBLEM).replace(",", "").startswith(f"bad.wav: {words}".replace(",", ""))
        opened.run("problem('')")
    path = tmp_path / "lenet.dpt"
    path.write_bytes(blob.dumps(models.load_program("lenet-mnist")))
    opened.choose("#file", path)
    opened.wait(PROBLEM)
    refused = "lenet.dpt is refused: it reads pictures: drypoint serve makes a page for it"
    assert opened.run(PROBLEM) == refused
    opened.choose("#file", recording)
    opened.wait("drypoint.frames.length > 60")


def test_recordings_of_each_class_can_be_chosen(browser, tmp_path):
    clips = SIGNAL[: 2 * 1081].reshape(2, 1081, 1)
    examples = Dataset(clips, np.array([1, 0]), ["a", "<b>"])
    path = tmp_path / "index.html"
    path.write_text(serve.make_page(DETECTS, examples=examples), "utf-8")
    browser.open(path.as_uri())
    buttons = "document.querySelectorAll('#examples button')"
    assert browser.run(f"[...{buttons}].map((button) => button.textContent)") == ["a", "<b>"]
    browser.run(f"{buttons}[1].click()")
    browser.wait("drypoint.frames.length === 20")
    features = browser.run("drypoint.frames.map(({ features }) => [...features])")
    np.testing.assert_array_equal(features, sound.features(DETECTS.front, clips[0, :, 0]))


def test_the_command_serves_a_stream(cli, tmp_path):
    path = tmp_path / "words.dpt"
    path.write_bytes(blob.dumps(sound_nets.window_program("micro")))
    assert cli("serve", path, "--out", tmp_path / "site")[0] == 0
    text = (tmp_path / "site/index.html").read_text("utf-8")
    content = text.partition('id="program">')[2].partition("<")[0]
    assert blob.loads(base64.b64decode(content)).is_streaming
