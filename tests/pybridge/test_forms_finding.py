"""The Arduino sketch of a program that finds objects: two cameras, gray and colour.

Arduino.h, esp_camera.h and Arduino_OV767X.h are stood in for here: the sketch is compiled against
stubs, which bring frames. Oracle: the reference's boxes of the picture that a frame shows.
"""

import map_nets
import numpy as np
import pytest

from drypoint import data, nn, quant
from drypoint.engine import export_c
from drypoint.program import reference
from tools import PLAIN, run

SIDE = 32
ARDUINO = """
#include <initializer_list>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
struct Port {
    void begin(long) {}
    void print(const char *s) { fputs(s, stdout); }
    void print(int n) { printf("%d", n); }
    void println(const char *s) { puts(s); }
};
extern Port Serial;
extern uint8_t frame_now[];
inline bool take_frame() { return fread(frame_now, 1, FRAME, stdin) == FRAME; }
inline void delay(int) { exit(0); }
void setup();
void loop();
"""
CAMERAS = {
    "esp_camera.h": """
        enum pixformat_t { PIXFORMAT_RGB565, PIXFORMAT_GRAYSCALE = 3 };
        enum framesize_t { FRAMESIZE_96X96, FRAMESIZE_QVGA = 6 };
        enum { LEDC_TIMER_0, LEDC_CHANNEL_0 = 0, CAMERA_FB_IN_DRAM, CAMERA_GRAB_WHEN_EMPTY = 0 };
        enum { ESP_OK };
        struct camera_config_t {
            int pin_pwdn, pin_reset, pin_xclk, pin_sccb_sda, pin_sccb_scl;
            int pin_d7, pin_d6, pin_d5, pin_d4, pin_d3, pin_d2, pin_d1, pin_d0;
            int pin_vsync, pin_href, pin_pclk, xclk_freq_hz, ledc_timer, ledc_channel;
            pixformat_t pixel_format;
            framesize_t frame_size;
            size_t fb_count;
            int fb_location, grab_mode;
        };
        struct camera_fb_t { uint8_t *buf; size_t len, width, height; };
        inline int esp_camera_init(const camera_config_t *c) {
            const pixformat_t wanted = FRAME == 96 * 96 ? PIXFORMAT_GRAYSCALE : PIXFORMAT_RGB565;
            return c->frame_size != FRAMESIZE_96X96 || c->pixel_format != wanted;
        }
        inline camera_fb_t *esp_camera_fb_get() {
            static camera_fb_t frame = {frame_now, FRAME, 96, 96};
            return take_frame() ? &frame : NULL;
        }
        inline void esp_camera_fb_return(camera_fb_t *) {}""",
    "Arduino_OV767X.h": """
        #include <string.h>
        enum { QCIF = 3, RGB565 = 1, GRAYSCALE = 2 };
        struct OV767X {
            int begin(int size, int format, int rate) {
                const int wanted = FRAME == 176 * 144 ? GRAYSCALE : RGB565;
                return size == QCIF && rate == 1 && format == wanted;
            }
            void readFrame(void *to) {
                if (!take_frame()) { puts("no picture"); exit(0); }
                memcpy(to, frame_now, FRAME);
            }
        };
        static OV767X Camera;""",
}
FRAMES = {"ESP32": (96, 96), "MBED": (176, 144)}


def program_of(color):
    """A small net of random weights that finds some boxes."""
    channels = 1 if color == "gray" else 3
    layers = [nn.Conv2d(8, 3, stride=2, padding=1, in_channels=channels), nn.ReLU()]
    layers += [nn.Conv2d(8, 5, stride=4, padding=2), nn.ReLU(), nn.Conv2d(6, 1)]
    net = nn.Sequential(*layers).bind((channels, SIDE, SIDE)).initialize(seed=1)
    encoder = data.ImageEncoder(width=SIDE, height=SIDE, color=color)
    decoder = data.BoxDecoder(("cup", "pen"), cell=8, conf=0.4, most=5)
    pictures = picture_bytes(channels)
    model = nn.Model(net, encoder=encoder, decoder=decoder)
    return quant.quantize(model, quant.calibrate(model, pictures)), pictures


def picture_bytes(channels):
    """Pictures whose values RGB565 keeps."""
    rng = np.random.default_rng(channels)
    pictures = rng.integers(0, 256, (6, SIDE, SIDE, channels)).astype(np.uint8)
    return pictures[..., 0] if channels == 1 else pictures & np.array([0xF8, 0xFC, 0xF8], np.uint8)


def frame_of(picture, width, height):
    """A frame whose middle shows a picture, enlarged."""
    row = np.arange(height) * SIDE // height
    side = min(width, height)
    column = (np.arange(width) - (width - side) // 2) * SIDE // side
    shown = picture[row][:, column.clip(0, SIDE - 1)].astype(np.int64)
    if shown.ndim == 2:
        return shown.astype(np.uint8).tobytes()
    red, green, blue = np.moveaxis(shown, -1, 0) >> np.array([3, 2, 3])[:, None, None]
    return (red << 11 | green << 5 | blue).astype(">u2").tobytes()


@pytest.mark.parametrize("color", ["gray", "rgb"])
@pytest.mark.parametrize("core", FRAMES)
def test_the_sketch_prints_the_boxes_of_the_reference(toolbox, tmp_path, core, color):
    cc, cxx = toolbox.need("cc"), toolbox.need("g++")
    program, pictures = program_of(color)
    export_c(program, pictures[:1], tmp_path, name="finds", form="arduino")
    width, height = FRAMES[core]
    frames = [frame_of(picture, width, height) for picture in pictures]
    defines = [f"-DARDUINO_ARCH_{core}", f"-DFRAME={len(frames[0])}", "-DDPT_PLAIN_C"]
    for name, text in {"Arduino.h": ARDUINO, **CAMERAS}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "main.cpp").write_text(
        "Port Serial;\nuint8_t frame_now[FRAME];\nint main() { setup(); for (;;) { loop(); } }\n"
    )
    run([cc, *PLAIN, *defines, "-c", "-I", "src", *sorted(tmp_path.glob("src/*.c"))], cwd=tmp_path)
    flags = ["-std=gnu++17", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined"]
    ino = ["-include", "Arduino.h", "-x", "c++", tmp_path / "examples/Find/Find.ino", "main.cpp"]
    objects = [path.name for path in tmp_path.glob("*.o")]
    command = [cxx, *flags, *defines, "-I", ".", "-I", "src", *ino, "-x", "none", *objects]
    run([*command, "-o", "sketch"], cwd=tmp_path)
    wanted = []
    for boxes in program.find_boxes(reference.run(program, program.encode(pictures))):
        wanted.append(f"{len(boxes)} found")
        for box in boxes:
            sides = " ".join(str(side // 16) for side in box[2:])
            wanted.append(f"{program.labels[box.value]} {sides}")
    assert len(wanted) > 2 * len(pictures)
    said = run([tmp_path / "sketch"], data=b"".join(frames)).decode().splitlines()
    assert said == [*wanted, "no picture"]


def test_a_program_that_reads_no_pixels_has_no_camera(tmp_path):
    program = map_nets.map_program(map_nets.BOXES)
    export_c(program, map_nets.maps(program, 1), tmp_path, name="finds", form="arduino")
    assert not (tmp_path / "examples/Find").exists()
