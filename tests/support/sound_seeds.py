"""Faults of a reader of records of sound, of a front end and of a detector: the changes of
drypoint's source that make each (`seeded.seed`), and the rows of the conformance set that find it.
"""

from program_seeds import skip_bytes

from drypoint.program import _detector, _program, _sound, _sound_record
from drypoint.sound import _front_end, _reference


def signals(*names):
    """Rows of signals."""
    return [("sound.jsonl", name) for name in names]


def decisions(*names):
    """Rows of decisions."""
    return [("detector.jsonl", name) for name in names]


def limits(name, right, wrong):
    """A limit of a front end, by its name in messages."""
    return [(_front_end, f'"{name}": ({right}),', f'"{name}": ({wrong}),')]


_POWER = "fft & (fft - 1)"
_FFT = "not SMALLEST_FFT <= fft <= LARGEST_FFT"
_NOISE = "noise = (*self.smoothing, self.floor, self.smoothing_bits)"
_BEHIND = (
    _sound_record, "np.frombuffer(blob, np.uint8)[rest[9] :]",
    "np.append(np.frombuffer(blob, np.uint8), np.zeros(512, np.uint8))[rest[9] :]",
)  # fmt: skip
RECORDS = {
    "form 0": ([(_sound_record, "form != FORM", "form > FORM"), skip_bytes(0, 1)], ["form 0"]),
    "form 2": ([(_sound_record, "form != FORM", "form < FORM"), skip_bytes(0, 1)], ["form 2"]),
    "stages": (
        [(_sound_record, "stages > NOISE | GAIN | LOG", "stages > 99"),
         *limits("stages", "self.stages, 0, NOISE | GAIN | LOG", "self.stages, 0, 99")],
        ["stages of 8"],
    ),
    "gain without noise": (
        [(_front_end, "if self.stages & GAIN and not self.stages & NOISE", "if False")],
        ["gain without noise"],
    ),
    "short windows": (
        limits("window", "length, fft // 2 + 1, fft", "length, 1, fft"),
        ["a window of half the FFT"],
    ),
    "long windows": (
        limits("window", "length, fft // 2 + 1, fft", "length, fft // 2 + 1, 9999"),
        ["a window longer than the FFT"],
    ),
    "no step": (limits("step", "self.step, 1, length", "self.step, 0, length"), ["step 0"]),
    "long steps": (
        limits("step", "self.step, 1, length", "self.step, 1, 9999"),
        ["a step longer than the window"],
    ),
    "small FFTs": (
        [(_sound_record, _FFT, "not fft <= LARGEST_FFT"),
         *limits("fft", "fft, SMALLEST_FFT, LARGEST_FFT", "fft, 0, LARGEST_FFT")],
        ["an FFT of 8"],
    ),
    "large FFTs": (
        [(_sound_record, _FFT, "not SMALLEST_FFT <= fft"),
         *limits("fft", "fft, SMALLEST_FFT, LARGEST_FFT", "fft, SMALLEST_FFT, 9999")],
        ["an FFT of 8192"],
    ),
    "FFTs of any size": (
        [(_sound_record, f"or {_POWER} or", "or"), (_front_end, f"if {_POWER}:", "if False:")],
        ["an FFT of 24"],
    ),
    "no rate": (limits("rate", "self.rate, 1, MOST_RATE", "self.rate, 0, MOST_RATE"), ["rate 0"]),
    "high rates": (
        limits("rate", "self.rate, 1, MOST_RATE", "self.rate, 1, 2**32"), ["rate 2^31"],
    ),
    "even smoothing": (
        limits("even smoothing", "self.smoothing[0], 0, 1 << 14", "self.smoothing[0], 0, 99999"),
        ["even smoothing above 2^14"],
    ),
    "odd smoothing": (
        limits("odd smoothing", "self.smoothing[1], 0, 1 << 14", "self.smoothing[1], 0, 99999"),
        ["odd smoothing above 2^14"],
    ),
    "floor": (
        limits("floor", "self.floor, 0, 1 << 14", "self.floor, 0, 99999"),
        ["a floor above 2^14"],
    ),
    "smoothing bits": (
        limits("smoothing_bits", "self.smoothing_bits, 0, 31", "self.smoothing_bits, 0, 99"),
        ["32 smoothing bits"],
    ),
    "gain shift": (
        limits("gain_shift", "self.gain_shift, 0, 47", "self.gain_shift, 0, 99"),
        ["gain shift 48"],
    ),
    "log shift": (
        limits("log_shift", "self.log_shift, 0, 11", "self.log_shift, 0, 99"), ["log shift 12"],
    ),
    "input shift": ([skip_bytes(25, 26)], ["input shift 0", "input shift 63"]),
    "input mult": ([skip_bytes(28, 32)], ["input mult 0", "input mult 2^31"]),
    "byte 26": ([skip_bytes(26, 27)], ["byte 26"]),
    "byte 27": ([skip_bytes(27, 28)], ["byte 27"]),
    "bytes 48 to 63": ([skip_bytes(48, 64)], ["byte 48", "byte 63"]),
    "smoothing of no noise": (
        [(_front_end, _NOISE, "noise = (self.floor, self.smoothing_bits)")],
        ["even smoothing without noise", "odd smoothing without noise"],
    ),
    "a floor of no noise": (
        [(_front_end, _NOISE, "noise = (*self.smoothing, self.smoothing_bits)")],
        ["a floor without noise"],
    ),
    "smoothing bits of no noise": (
        [(_front_end, _NOISE, "noise = (*self.smoothing, self.floor)")],
        ["smoothing bits without noise"],
    ),
    "a shift of no gain": (
        [(_front_end, '"gain", (self.gain_shift,)', '"gain", ()')], ["gain shift without gain"],
    ),
    "a shift of no log": (
        [(_front_end, '"logarithm", (self.log_shift,)', '"logarithm", ()')],
        ["log shift without log"],
    ),
    "long detectors": (
        [(_detector, '("window", 1, LONGEST_WINDOW)', '("window", 1, 9999)')],
        ["a detector of 1001 decisions"],
    ),
    "high cutoffs": (
        [(_detector, '("cutoff", 0, MOST_CUTOFF)', '("cutoff", 0, 1 << 32)')], ["a cutoff of 2^26"],
    ),
    "no keyword": (
        [(_detector, "            or not values\n", ""),
         (_detector, "or detector.keywords[-1] >= plane.size:", "or False:")],
        ["a detector of no keyword"],
    ),
    "any keyword": (
        [(_detector, "or detector.keywords[-1] >= plane.size:", "or False:")],
        ["a keyword beyond the output"],
    ),
    "any number of values": (
        [(_detector, "if plane.size > MOST_VALUES or", "if")], ["a detector of 33 values"],
    ),
    "a softmax of pixels": (
        [(_detector, "if output.softmax and plane.size != plane.c:", "if False:")],
        ["a detector of a softmax of two pixels"],
    ),
    "a stream of rows": (
        [(_program, "self.sound_border.rows != 1 and self.is_streaming", "False")],
        ["a stream of two rows a step"],
    ),
    "hold of no detector": ([skip_bytes(38, 40)], ["hold without detector"]),
    "cutoff of no detector": ([skip_bytes(40, 44)], ["cutoff without detector"]),
    "keywords of no detector": ([skip_bytes(44, 48)], ["keywords without detector"]),
    "tables behind the blob": (
        [_BEHIND],
        [f"{what} the blob but one byte" for what in (
            "tables that end with", "bins that end with", "gain that ends with"
        )],
    ),
    "negative window factors": (
        limits("smallest window factor", "int(self.window.min()), 0, 4096", "0, 0, 4096")
        + limits("largest window factor", "int(self.window.max()), 0, 4096", "0, 0, 4096"),
        ["a window factor of -1", "a window factor of 4097"],
    ),
    "any first twiddle": (
        [(_front_end, "first != [0x7FFF, 0]", "False")],
        ["a first twiddle of another real part", "a first twiddle with an imaginary part"],
    ),
    "first bin 0": (
        limits("first bin", "int(self.bins[0]), 1, fft // 2", "int(self.bins[0]), 0, fft // 2"),
        ["first bin 0"],
    ),
    "negative runs": (
        limits("shortest run", "int(self.bins[1:].min()), 0, fft // 2", "0, 0, fft // 2"),
        ["a run of -1 bins"],
    ),
    "the last bin": (
        limits(
            "end of the last run", "int(self.bins.sum(dtype=np.int64)), 1, fft // 2", "1, 1, 1"
        ),
        ["runs beyond the last bin"],
    ),
    "negative weights": (
        [(_front_end, "not 0 <= self.weights.min() <=", "not self.weights.min() <=")],
        ["a weight of -1"],
    ),
    "large weights": (
        [(_front_end, "<= self.weights.max() <= MOST_WEIGHT:", "<= self.weights.max():")],
        ["a weight of 4097"],
    ),
}  # fmt: skip
_PRODUCT = "scaled * share + noise.astype(np.int64) * ((1 << 14) - share)"
SOUND = {
    "-32768 counts": (
        [(_reference, "np.abs(values) & 0x7FFF", "np.minimum(np.abs(values), 0x7FFF)")],
        signals("samples of -32768"),
    ),
    "the other value of the bin in the middle": (
        [(_reference, "bins[:, size - k] = ((even - turned) * (1, -1)) >> 1",
          "bins[:, size - k[:-1]] = ((even - turned) * (1, -1))[:, :-1] >> 1")],
        signals("the bin in the middle"),
    ),
    "a root of 65535 is rounded": (
        [(_reference, " & (root != 0xFFFF)", "")], signals("a root of 65535"),
    ),
    "scaled in more than 32 bits": (
        [(_reference, "_wrap_unsigned(signal << front.smoothing_bits)",
          "signal << front.smoothing_bits")],
        signals("noise of more than 32 bits"),
    ),
    "products of scaled in 32 bits": (
        [(_reference, f"_wrap_unsigned(({_PRODUCT}) >> 14)", f"_wrap_unsigned({_PRODUCT}) >> 14")],
        signals("products of noise of more than 32 bits", "noise of more than 32 bits"),
    ),
    "no floor": (
        [(_reference, "np.maximum(rest, (signal * front.floor) >> 14)", "rest")],
        signals("the floor of noise"),
    ),
    "gain without a sign": (
        [(_reference, "_wrap_unsigned(_wrap(step + value, 16))", "(step + value) & 0xFFFF")],
        signals("negative gain"),
    ),
    "a logarithm without its line": (
        [(_reference, " + (((high - low) * (fraction - (segment << 9))) >> 16)", "")],
        signals("the line of the logarithm"),
    ),
    "no zero point": (
        [(_sound, "(scaled + self.input.zero)", "scaled")], signals("the zero point of an input"),
    ),
}  # fmt: skip
_CLIP = ".clip(0, LARGEST_SCORE)"
DETECTORS = {
    "probabilities up to 65536": (
        [(_detector, _CLIP, ".clip(0, LARGEST_SCORE + bool(output.softmax))")],
        decisions("a probability of 1 is 65535"),
    ),
    "probabilities up to 65534": (
        [(_detector, _CLIP, ".clip(0, LARGEST_SCORE - bool(output.softmax))")],
        decisions("two of them are above 131069"),
    ),
    "values above 65535": (
        [(_detector, _CLIP, ".clip(0, LARGEST_SCORE if output.softmax else 1 << 30)")],
        decisions("a value above 65535"),
    ),
    "values up to 65534": (
        [(_detector, _CLIP, ".clip(0, LARGEST_SCORE - 1)")], decisions("values above 65535"),
    ),
    "values below 0": (
        [(_detector, _CLIP, ".clip(max=LARGEST_SCORE)")], decisions("a value below 0"),
    ),
    "the last of equal sums": (
        [(_detector, "sums.argmax(axis=1)", "sums.shape[1] - 1 - sums[:, ::-1].argmax(axis=1)")],
        decisions("two equal sums"),
    ),
    "a sum at the cutoff": (
        [(_detector, "initial=0) > self.cutoff", "initial=0) >= self.cutoff")],
        decisions("a sum equal to the cutoff"),
    ),
    "sums that begin with the hold's end": (
        [(_detector, "+ self.hold + 1", "+ self.hold + self.window")],
        decisions("sums after a detection"),
    ),
    "no hold": (
        [(_detector, "first = decision + self.hold + 1", "first = decision + 1")],
        decisions("a hold longer than the window", "sums after a detection"),
    ),
    "decisions before the window is full": (
        [(_detector, "self.window - 1\n", "0\n")], decisions("decisions before a window is full"),
    ),
}  # fmt: skip
