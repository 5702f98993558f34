"""The peers' models compute the program. Oracle: the reference on equal images.

A peer rounds otherwise than NUMERICS.md (ties, and multipliers of 24 bits), so an activation may
be one step off now and then, and the last one, which has 8 bits there, one or two steps.
"""

import numpy as np
import pytest
from nets import random_program

from drypoint.bench import BenchError, Process, empty_case, make_case, to_onnx, to_tflite
from drypoint.bench._contestants import served
from drypoint.program import Program, blob, reference

IMAGES = 8
CASES = ["lenet5", "vgg-ish", "dense", "strided"]


@pytest.fixture(scope="module", params=CASES)
def case(request):
    made = make_case(request.param)
    images = made.images[:IMAGES]
    return made.program, images, reference.run(made.program, images)


def agrees(ours, theirs):
    """Both (n, classes), theirs as integers around zero."""
    step = np.abs(ours).max() / 120
    off = np.abs(theirs - ours / step)
    assert off.max() <= 2.5, off.max()
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean() >= 0.75


def test_the_onnx_model_is_the_program(toolbox, case):
    """onnx's own evaluator, in floating point."""
    toolbox.need_package("onnx")
    from onnx.reference import ReferenceEvaluator

    program, images, ours = case
    model = to_onnx(program, ours, IMAGES)
    session = ReferenceEvaluator(model)
    planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    (theirs,) = session.run(None, {"input": planes})
    assert theirs.dtype == np.uint8
    agrees(ours, theirs.astype(int) - 128)


def test_the_onnx_model_is_valid(toolbox, case):
    toolbox.need_package("onnx")
    import onnx

    program, _, ours = case
    onnx.checker.check_model(to_onnx(program, ours, 1), full_check=True)


def test_the_tflite_model_is_the_program(toolbox, case):
    toolbox.need_package("ai_edge_litert")
    from ai_edge_litert.interpreter import Interpreter

    program, images, ours = case
    model = to_tflite(program, ours, IMAGES)
    session = Interpreter(model_content=model)
    session.allocate_tensors()
    session.set_tensor(
        session.get_input_details()[0]["index"], images.view(np.int8) ^ np.int8(-128)
    )
    session.invoke()
    agrees(ours, session.get_tensor(session.get_output_details()[0]["index"]).astype(int))


def test_the_files_hold_the_programs_own_bytes(toolbox, case):
    toolbox.need_package("onnx")
    program, _, ours = case
    content = to_onnx(program, ours, 1)
    first = program.ops[0]
    weight = first.weight.reshape(-1, *first.in_shape) if first.weight.ndim == 2 else first.weight
    assert weight.transpose(0, 3, 1, 2).tobytes() in content
    assert first.bias.tobytes() in content


@pytest.mark.parametrize("write", [to_onnx, to_tflite])
def test_a_program_of_one_product_is_no_exception(toolbox, write):
    toolbox.need_package("onnx")
    toolbox.need_package("ai_edge_litert")
    import onnx

    program = empty_case().program
    ours = reference.run(program, np.full((1, 1, 1, 1), 7, np.uint8))
    content = write(program, ours, 1)
    if write is to_onnx:
        onnx.checker.check_model(content, full_check=True)
    assert program.ops[0].bias.tobytes() in content


@pytest.mark.parametrize(
    ("peer", "package"),
    [("LiteRT", "ai_edge_litert"), ("ONNX Runtime", "onnxruntime"), ("OpenVINO", "openvino")],
)
def test_a_peer_decides_as_the_program(toolbox, tmp_path, peer, package):
    """In a process of its own, as it is timed: LeNet on digits, whose decisions are clear."""
    toolbox.need_package("onnx")
    toolbox.need_package(package)
    case = make_case("lenet")
    images = case.images[:IMAGES]
    (tmp_path / "net.dpt").write_bytes(blob.dumps(case.program))
    np.save(tmp_path / "images.npy", images)
    files = (str(tmp_path / "net.dpt"), str(tmp_path / "images.npy"))
    with Process(peer, served("serve", peer, *files, "1", "scalar"), cpus=[]) as process:
        decisions = process.ask("decide")
    assert decisions == [reference.run(case.program, images).argmax(axis=1).tolist()]


def odd_program() -> Program:
    """The first random program that has pooling by itself."""
    return next(
        program
        for program in map(random_program, range(100))
        if any(not hasattr(op, "weight") for op in program.ops)
    )


def test_what_peers_cannot_express_is_refused_by_name(toolbox):
    toolbox.need_package("onnx")
    program = odd_program()
    with pytest.raises(BenchError, match=r"op 'op\d': "):
        to_onnx(program, np.ones((1, program.output_shape.size), np.int32), 1)
