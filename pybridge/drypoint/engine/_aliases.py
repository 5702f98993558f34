"""Names of other frameworks in this part; CONTRIBUTING.md has the rule."""

from drypoint.common import Arguments, Names

MODULE_ALIASES: Names = {"load": "Engine"}

_EXPORT = "it is export_c(program, golden, folder, name=...)"
MODULE_HINTS: Names = {
    "export": _EXPORT,
    "to_c": _EXPORT,
    "deploy": _EXPORT,
    "compile": f"{_EXPORT}; Compiled compiles the folder",
    "convert": _EXPORT,
    "InferenceSession": "it is Engine(program)",
    "Interpreter": "it is Engine(program)",
}
ENGINE = Arguments(
    aliases={"num_threads": "threads", "model_content": "program", "model_path": "program"},
    hints={"program": "a Program, as quant.quantize gives it, or the path of a .dpt file"},
)
_CALL = 'export_c(program, test.x[:10], "out", name="net")'
EXPORT = Arguments(
    aliases={"path": "folder", "out": "folder", "out_dir": "folder"},
    hints={
        "golden": f"some inputs for the self-test, {_CALL}",
        "folder": f"a folder to write to, {_CALL}",
        "name": f"the C name of the model, {_CALL}",
        "framework": "it is form",
    },
    too_many=_CALL,
)
_VERIFY = 'verify(program, {"C": engine.Engine(program)}, inputs)'
VERIFY = Arguments(hints={"runners": _VERIFY, "inputs": _VERIFY}, too_many=_VERIFY)
ENGINE_HINTS: Names = {
    "forward": "engine(x) decides, engine.predict_proba(x) gives probabilities, engine.run(x) "
    "integers",
    "invoke": "engine(x) decides, engine.predict_proba(x) gives probabilities, engine.run(x) "
    "integers",
    "predict_classes": "it is predict",
    "allocate_tensors": "leave it out: an engine is ready when it is made",
    "set_tensor": "inputs are arguments: engine.run(x)",
    "get_tensor": "engine.trace(x) gives the output of every op",
    "get_input_details": "engine.program.input_shape, .input_type and .input_scale",
    "get_output_details": "engine.program.output_shape and .output_scale",
    "evaluate": "it is measure.measure(engine, data)",
    "score": "it is measure.measure(engine, data).accuracy",
    "export": _EXPORT,
}
