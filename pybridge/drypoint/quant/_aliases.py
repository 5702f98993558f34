"""Names of other frameworks in this part; CONTRIBUTING.md has the rule."""

from drypoint.common import Arguments, Names

MODULE_ALIASES: Names = {}

_TWO = "it is quantize(model, calibrate(model, inputs)), with some hundred training examples"
MODULE_HINTS: Names = {
    "quantize_static": _TWO,
    "quantize_model": _TWO,
    "Quantizer": _TWO,
    "convert": _TWO,
    "prepare_qat": "it is train.fit(model, data, quantization=Scheme(...))",
    "prepare": _TWO,
    "quantize_dynamic": f"all ranges are fixed before a run; {_TWO}",
    "fuse_modules": "leave it out: quantize folds batch norms and activations into the layers",
    "TFLiteConverter": _TWO,
    "export": "it is engine.export_c(program, golden, folder, name=...)",
}
NO_CALIBRATION = (
    "quantize(model, quant.calibrate(model, inputs)), with some hundred training examples"
)
QUANTIZE = Arguments(
    aliases={
        "model_name": "name",
        **dict.fromkeys(("bits", "n_bits", "num_bits", "weight_bits"), "weights"),
    },
    hints={
        "representative_dataset": "it is calibration: quant.calibrate(model, inputs)",
        **dict.fromkeys(
            ("activation_bits", "dtype"),
            "leave it out: activations have 8 bits; weights=4 makes the weights smaller",
        ),
        "per_channel": "leave it out: each output channel of the weights has a scale",
        "symmetric": "leave it out: weights have no zero point, activations where it helps",
    },
    too_many="quantize(model, quant.calibrate(model, inputs))",
)
CALIBRATE = Arguments(hints={"inputs": "some hundred training examples, calibrate(model, inputs)"})
_REPORT = "report(model, quant.calibrate(model, inputs), inputs)"
REPORT = Arguments(hints={"calibration": _REPORT, "inputs": _REPORT}, too_many=_REPORT)
