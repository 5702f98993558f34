"""Exports of models that listen, in the forms of boards with a microphone.

Arduino.h, ESP_I2S.h, PDM.h and ESPHome's headers are stood in for here: sketch and component are
compiled against stubs, which bring the samples of a signal. ESPHome's check of the YAML is the real
one. Oracle: what `Detector.detect` finds in the reference's decisions.
"""

import subprocess
from dataclasses import replace

import numpy as np
import pytest
import sound_nets

from drypoint.engine import export_c
from drypoint.program import Detector, ProgramError, reference
from tools import ONLY_CI, PLAIN, STRICT, run

SAMPLES = sound_nets.SIGNAL[:12_000]
ARDUINO = """
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
struct Port {
    void begin(long) {}
    void println(const char *s) { puts(s); }
};
extern Port Serial;
extern const int16_t heard[];
extern size_t heard_at;
inline int hear(void *to, size_t size) { /* at most 100 samples; ends the sketch with the signal */
    size_t n = size / 2 < 100 ? size / 2 : 100;
    for (size_t i = 0; i < n; i++) {
        if (heard_at == N_HEARD) { exit(0); }
        ((int16_t *)to)[i] = heard[heard_at++];
    }
    return (int)(2 * n);
}
void setup();
void loop();
"""
MICROPHONES = {
    "ESP_I2S.h": """
        enum { I2S_MODE_STD, I2S_DATA_BIT_WIDTH_16BIT = 16, I2S_SLOT_MODE_MONO = 1 };
        struct I2SClass {
            void setPins(int, int, int, int) {}
            bool begin(int, long rate, int bits, int slots) {
                return rate == RATE && bits == 16 && slots == 1;
            }
            size_t readBytes(char *to, size_t size) { return (size_t)hear(to, size); }
        };""",
    "PDM.h": """
        struct PDMClass {
            int begin(int channels, long rate) { return channels == 1 && rate == RATE; }
            int available() { return 100; }
            int read(void *to, size_t size) { return hear(to, size); }
        };
        static PDMClass PDM;""",
}


def program_with_labels(*, detects):
    program = replace(sound_nets.programs()[-2], labels=("no", "off", "yes"))
    if not detects:
        return program
    decisions = reference.run(program, sound_nets.inputs_of(program, SAMPLES)).reshape(-1, 3)
    detector = Detector(window=3, hold=5, cutoff=0, keywords=(0, 2))
    scores = detector.scores(decisions, program.outputs[-1]).max(axis=1)
    return replace(program, detector=replace(detector, cutoff=2 * int(np.median(scores))))


@pytest.mark.parametrize(
    ("core", "detects"),
    [
        ("-DARDUINO_ARCH_ESP32", True),
        pytest.param("-DARDUINO_ARCH_MBED", True, marks=ONLY_CI),
        pytest.param("-DARDUINO_ARCH_ESP32", False, marks=ONLY_CI),
    ],
)
def test_the_arduino_sketch_prints_what_the_reference_detects(toolbox, tmp_path, core, detects):
    cc, cxx = toolbox.need("cc"), toolbox.need("g++")
    program = program_with_labels(detects=detects)
    export_c(program, sound_nets.inputs_of(program)[:24], tmp_path, name="hey", form="arduino")
    defines = [core, f"-DN_HEARD={len(SAMPLES)}", f"-DRATE={program.front.rate}", "-DDPT_PLAIN_C"]
    for name, text in {"Arduino.h": ARDUINO, **MICROPHONES}.items():
        (tmp_path / name).write_text(text)
    signal = ", ".join(map(str, SAMPLES.tolist()))
    (tmp_path / "main.cpp").write_text(
        f"Port Serial;\nsize_t heard_at;\nconst int16_t heard[] = {{{signal}}};\n"
        "int main() { setup(); for (;;) { loop(); } }\n"
    )
    sources = sorted(tmp_path.glob("src/*.c"))
    run([cc, *STRICT, *PLAIN, *defines, "-c", "-I", "src", *sources], cwd=tmp_path)
    objects = [f"{source.stem}.o" for source in sources]
    sketch = tmp_path / "examples/Listen/Listen.ino"
    ino = ["-include", "Arduino.h", "-x", "c++", sketch, "main.cpp", "-x", "none"]
    run([cxx, *defines, "-I", ".", "-I", "src", *ino, *objects, "-o", "sketch"], cwd=tmp_path)
    decisions = reference.run(program, sound_nets.inputs_of(program, SAMPLES)).reshape(-1, 3)
    if detects:
        values = [value for _, value in program.detector.detect(decisions, program.outputs[-1])]
    else:
        values = decisions.argmax(axis=1).tolist()
    assert len(values) > 5
    said = run([tmp_path / "sketch"]).decode().split()
    assert said == [program.labels[value] for value in values]


ESPHOME = {
    "esphome/core/component.h": """
        #pragma once
        namespace esphome {
        struct Component { virtual void setup() {} virtual void loop() {} };
        }""",
    "esphome/core/automation.h": """
        #pragma once
        #include <cstdio>
        namespace esphome {
        template<typename T> struct Trigger { void trigger(T text) { std::puts(text.c_str()); } };
        }""",
    "esphome/components/microphone/microphone_source.h": """
        #pragma once
        #include <cstdint>
        #include <functional>
        #include <vector>
        namespace esphome::microphone {
        struct MicrophoneSource {
            using Callback = std::function<void(const std::vector<uint8_t> &)>;
            Callback callback;
            bool started = false;
            void add_data_callback(Callback f) { callback = f; }
            void start() { started = true; }
        };
        }""",
    "main.cpp": """
        #include "hey_listener.h"
        int main() {
            esphome::microphone::MicrophoneSource source;
            static esphome::drypoint_hey::Listener listener;
            listener.set_microphone_source(&source);
            listener.setup();
            std::vector<uint8_t> data(334);
            while (source.started && fread(data.data(), 1, data.size(), stdin) == data.size()) {
                source.callback(data);
                listener.loop();
            }
        }""",
}


def export_esphome(folder):
    program = program_with_labels(detects=True)
    golden = sound_nets.inputs_of(program)[:24]
    export_c(program, golden, folder, name="hey", form="esphome")
    return program


def test_the_component_of_esphome_hears_what_the_reference_detects(toolbox, tmp_path):
    """The component is compiled against stubs of ESPHome's headers. Portions of 167 samples, fewer
    than the detector holds, so that the main loop misses none."""
    cc, cxx, program = toolbox.need("cc"), toolbox.need("g++"), export_esphome(tmp_path)
    for name, text in ESPHOME.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    folder = tmp_path / "components/hey"
    sources = sorted(folder.glob("*.c"))
    run([cc, *STRICT, *PLAIN, "-c", *sources], cwd=tmp_path)
    objects = [f"{source.stem}.o" for source in sources]
    flags = ["-std=gnu++20", "-Wall", "-Wextra", "-Werror", "-I", ".", "-I", folder]
    run([cxx, *flags, "main.cpp", *objects, "-o", "heard"], cwd=tmp_path)
    samples = SAMPLES[: len(SAMPLES) // 167 * 167]
    decisions = reference.run(program, sound_nets.inputs_of(program, samples)).reshape(-1, 3)
    found = program.detector.detect(decisions, program.outputs[-1])
    assert len(found) > 5
    said = run([tmp_path / "heard"], data=samples.astype("<i2").tobytes()).decode().split()
    assert said == [program.labels[value] for _, value in found]


@ONLY_CI
def test_esphome_takes_the_example(toolbox, tmp_path):
    esphome = toolbox.need("esphome")
    export_esphome(tmp_path)
    done = subprocess.run(
        [esphome, "config", tmp_path / "example.yaml"], capture_output=True, text=True, check=False
    )
    assert "Configuration is valid!" in done.stdout + done.stderr
    text = (tmp_path / "example.yaml").read_text("utf-8")
    (tmp_path / "example.yaml").write_text(text.replace("sample_rate: 8000", "sample_rate: 16000"))
    done = subprocess.run(
        [esphome, "config", tmp_path / "example.yaml"], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "sample rate" in done.stdout + done.stderr


def test_a_component_of_esphome_is_for_a_program_with_a_detector(tmp_path):
    program = program_with_labels(detects=False)
    with pytest.raises(ProgramError, match="form esphome is for one program with a detector"):
        golden = sound_nets.inputs_of(program)[:24]
        export_c(program, golden, tmp_path, name="hey", form="esphome")


def test_the_readme_says_how_to_listen(tmp_path):
    for detects in (True, False):
        program = program_with_labels(detects=detects)
        export_c(program, sound_nets.inputs_of(program)[:24], tmp_path, name="hey")
        text = (tmp_path / "README.md").read_text("utf-8")
        assert "hey_listen(memory, &at, &n, scores)" in text
        assert ("hey_keywords(memory, scores, &keyword)" in text) is detects
