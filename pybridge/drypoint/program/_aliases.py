"""Names of other frameworks in this part; CONTRIBUTING.md has the rule."""

from drypoint.common import Names

_RUN = "engine.Engine(program) runs it: predict, predict_proba, run, trace"
MODULE_ALIASES: Names = {}
MODULE_HINTS: Names = {
    "load": "it is Program.load(path)",
    "loads": "it is blob.loads(bytes)",
    "dumps": "it is blob.dumps(program)",
    "save": "it is a method, program.save(path)",
    "run": "it is reference.run(program, x), or engine.Engine(program).run(x), which is fast",
}
PROGRAM_HINTS: Names = {
    "run": _RUN,
    "forward": _RUN,
    "predict": _RUN,
    "predict_proba": _RUN,
    "summary": "print(program) lists its ops",
    "weights": "program.ops holds the ops; an op with weights has op.weight",
    "layers": "program.ops holds the ops",
    "quantize": "it is quantized: a Program holds integers",
    "export": "it is engine.export_c(program, golden, folder, name=...)",
    "to_c": "it is engine.export_c(program, golden, folder, name=...)",
    "dumps": "it is program.blob.dumps(program)",
    "earlier_outputs": "it is outputs[:-1]",
    "output_name": "it is outputs[-1].name",
}
