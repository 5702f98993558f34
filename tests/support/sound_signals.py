"""Signals and settings for tests of front ends, and the program that asks the anchor for features.

`python tests/support/sound_signals.py FOLDER` writes tests/golden/sound/micro.json: CRCs of the
features that TensorFlow Lite Micro's C++ gives for 20 settings. FOLDER is the unpacked source
distribution of the package pymicro-features, 2.0.2: `pip download --no-binary :all: --no-deps`.
"""

import json
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np

FILE = Path(__file__).parents[1] / "golden/sound/micro.json"
SETTINGS = 20
SAMPLES = 12_000  # of each signal


def signals(seed, n=SAMPLES):
    """Name and int16 samples: noise at six levels, tones, clipping, impulses, silence, a voice."""
    rng, t = np.random.default_rng(seed), np.arange(n)
    levels = np.repeat([1, 10, 300, 3000, 12000, 40000], n // 6 + 1)[:n]
    yield "noise", clip(rng.normal(0, levels))
    yield "chirp", clip(32767 * np.sin(2 * np.pi * t * (t / n * 4000) / 16000))
    yield "square", clip(np.where(t // 37 % 2, 40000, -40000))
    yield "uniform", rng.integers(-32768, 32768, n).astype(np.int16)
    yield "signs", clip(rng.choice([-32768, 32767], n))
    yield "impulses", clip(np.where(t % 700 == 0, -32768, 0))
    yield "silence", clip(np.where((t > n // 3) & (t < n // 2), rng.integers(-5, 5, n), 0))
    edges = (np.abs(t % 480 - 240) / 240) ** 4  # loud where a window is small
    yield "edges", clip(32767 * edges * rng.choice([-1, 1], n))
    pitch = 120 + 30 * np.sin(2 * np.pi * t / 8000)
    voice = sum(np.sin(k * np.cumsum(2 * np.pi * pitch / 16000)) / k for k in range(1, 30))
    yield "voice", clip(6000 * voice * (np.sin(2 * np.pi * t / 5000) > -0.5))


def clip(values):
    return np.asarray(values).clip(-32768, 32767).astype(np.int16)


def whole_signal(seed, n=SAMPLES):
    return np.concatenate([samples for _, samples in signals(seed, n)])


def random_settings(seed):
    """Arguments of `sound.micro`; lengths are whole milliseconds, as the anchor takes them."""
    rng = np.random.default_rng(seed)
    rate = int(rng.choice([8000, 11025, 16000, 22050, 44100, 48000]))
    size = int(rng.integers(5, 64))
    return {
        "rate": rate,
        "window": size * rate // 1000,
        "step": int(rng.integers(1, size + 1)) * rate // 1000,
        "channels": int(rng.integers(1, 65)),
        "low": float(np.round(rng.uniform(0, 500), 1)),
        "high": float(np.round(rng.uniform(1500, rate * 0.47), 1)),
        "smoothing_bits": int(rng.integers(6, 15)),
        "even_smoothing": float(np.round(rng.uniform(0, 0.2), 4)),
        "odd_smoothing": float(np.round(rng.uniform(0, 0.2), 4)),
        "min_signal_remaining": float(np.round(rng.uniform(0, 0.3), 4)),
        "gain_control": bool(rng.random() < 0.7),
        "strength": float(np.round(rng.uniform(0.3, 1.2), 3)),
        "offset": float(np.round(rng.uniform(20, 200), 2)),
        "gain_bits": int(rng.integers(18, 27)),
        "log": bool(rng.random() < 0.8),
        "log_shift": int(rng.integers(3, 9)),
    }


DRIVER = r"""
#include <cstdio>
#include <cstdlib>
#include <vector>
extern "C" {
#include "tensorflow/lite/experimental/microfrontend/lib/frontend.h"
#include "tensorflow/lite/experimental/microfrontend/lib/frontend_util.h"
}
int main(int, char **a) {
  FrontendConfig c;
  FrontendState s;
  FrontendFillConfigWithDefaults(&c);
  c.window.size_ms = atoi(a[2]);
  c.window.step_size_ms = atoi(a[3]);
  c.filterbank.num_channels = atoi(a[4]);
  c.filterbank.lower_band_limit = strtof(a[5], 0);
  c.filterbank.upper_band_limit = strtof(a[6], 0);
  c.noise_reduction.smoothing_bits = atoi(a[7]);
  c.noise_reduction.even_smoothing = strtof(a[8], 0);
  c.noise_reduction.odd_smoothing = strtof(a[9], 0);
  c.noise_reduction.min_signal_remaining = strtof(a[10], 0);
  c.pcan_gain_control.enable_pcan = atoi(a[11]);
  c.pcan_gain_control.strength = strtof(a[12], 0);
  c.pcan_gain_control.offset = strtof(a[13], 0);
  c.pcan_gain_control.gain_bits = atoi(a[14]);
  c.log_scale.enable_log = atoi(a[15]);
  c.log_scale.scale_shift = atoi(a[16]);
  if (!FrontendPopulateState(&c, &s, atoi(a[1]))) return 3;
  std::vector<int16_t> x;
  int16_t v;
  while (fread(&v, 2, 1, stdin) == 1) x.push_back(v);
  const int16_t *at = x.data();
  for (size_t n = x.size(), read; n > 0; at += read, n -= read) {
    FrontendOutput o = FrontendProcessSamples(&s, at, n, &read);
    if (o.values) fwrite(o.values, 2, o.size, stdout);
  }
  return 0;
}
"""


def main(source):
    """Write the file of CRCs."""
    library = source / "tensorflow/lite/experimental/microfrontend/lib"
    left_out = ("_test", "_main", "_io", "_generator")
    files = [file for file in library.glob("*.cc") if not file.stem.endswith(left_out)]
    rows, samples = [], whole_signal(0)
    with tempfile.TemporaryDirectory() as folder:
        driver, program = Path(folder) / "driver.cc", Path(folder) / "driver"
        driver.write_text(DRIVER, "utf-8")
        flags = ["-O2", "-w", f"-I{source}", f"-I{source / 'kissfft'}", "-DFIXED_POINT=16"]
        subprocess.run(["g++", *flags, driver, *files, "-o", program], check=True)
        for seed in range(SETTINGS):
            settings = random_settings(seed)
            milliseconds = {
                name: -(-settings[name] * 1000 // settings["rate"]) for name in ("window", "step")
            }
            words = {name: int(v) if isinstance(v, bool) else v for name, v in settings.items()}
            done = subprocess.run(
                [program, *map(str, {**words, **milliseconds}.values())],
                input=samples.tobytes(),
                capture_output=True,
                check=True,
            )
            row = {"settings": settings, "values": len(done.stdout) // 2}
            rows.append({**row, "crc": zlib.crc32(done.stdout)})
    FILE.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
