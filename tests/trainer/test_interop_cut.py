"""Files that are imported up to a tensor. Oracle: the file that ends in that tensor, and LiteRT."""

import numpy as np
import pytest
from onnx_files import OnnxFile
from tflite_files import TfliteFile, check_integers, windows

from drypoint import interop
from drypoint.program import blob


def two_heads(kind="INT8"):
    """A convolution with two heads, of which the second has a softmax of each cell."""
    f = TfliteFile((1, 6, 5, 3), kind=kind, scale=0.02, zero=-3)
    at = f.then("CONV_2D", [0, f.drawn(4, 3, 3, 3), f.bias(4)], (1, 6, 5, 4), **windows())
    left = f.then("CONV_2D", [at, f.drawn(2, 1, 1, 4), f.bias(2)], (1, 6, 5, 2), **windows())
    logits = f.then("CONV_2D", [at, f.drawn(3, 1, 1, 4), f.bias(3)], (1, 6, 5, 3), **windows())
    right = f.then("SOFTMAX", [logits], (1, 6, 5, 3), scale=1 / 256, zero=-128, Beta=1.0)
    return f, left, logits, right


def test_a_program_up_to_a_tensor_is_the_program_of_the_file_that_ends_there():
    f, left, logits, right = two_heads()
    content = f.bytes(outputs=[left, right])
    for at in (left, logits):
        program = interop.program_from_tflite(content, cut=(f"t{at}",))
        ends = f.bytes(outputs=[at])
        assert blob.dumps(program) == blob.dumps(interop.program_from_tflite(ends))
        check_integers(ends)
        assert interop.program_and_rounding(content, cut=(f"t{at}",))[0].ops[-1].name == (
            program.ops[-1].name
        )


def test_a_float_net_up_to_a_tensor_is_the_net_of_the_file_that_ends_there():
    f, left, logits, right = two_heads("FLOAT32")
    content = f.bytes(outputs=[left, right])
    x = np.random.default_rng(0).normal(0, 1, (2, 3, 6, 5)).astype(np.float32)
    for at in (left, logits):
        net = interop.from_tflite(content, cut=[f"t{at}"])
        assert (net(x) == interop.from_tflite(f.bytes(outputs=[at]))(x)).all()
    assert not interop.is_quantized_tflite(content, cut=(f"t{left}",))


def test_an_onnx_file_is_cut_at_a_tensor_of_its_nodes():
    """Also at one behind which the file goes on with what no layer computes."""
    f = OnnxFile((3, 6, 5))
    body = f.of("Conv", "input", f.drawn(2, 3, 3, 3))
    end = f.of("InstanceNormalization", f.of("Relu", body), f.drawn(2), f.drawn(2))
    content = f.bytes(outputs=[end, body])
    with pytest.raises(interop.OnnxError, match=r"statistics(.|\n)*--cut 't1' 't0' imports up to"):
        interop.from_onnx(content)
    with pytest.raises(interop.OnnxError, match=r"statistics(.|\n)*--cut 't1' imports up to there"):
        interop.from_onnx(f.bytes())
    x = np.random.default_rng(0).normal(0, 1, (2, 3, 6, 5)).astype(np.float32)
    net = interop.from_onnx(content, cut=("t1",))
    assert (net(x) == interop.from_onnx(f.bytes(outputs=["t1"]))(x)).all()
    assert not interop.is_quantized_onnx(content, cut=("t1",))


def test_messages_name_the_tensors_to_cut_at():
    f, left, logits, _ = two_heads()
    right = f.then("ARG_MAX", [logits, f.constant(3)], (1, 6, 5), type="INT32")
    with pytest.raises(
        interop.TfliteError, match=rf"compare the(.|\n)*--cut 't{logits}' 't{left}' im"
    ):
        interop.program_from_tflite(f.bytes(outputs=[left, right]))
    with pytest.raises(interop.TfliteError, match=rf"compare the(.|\n)*--cut 't{logits}' imports"):
        interop.program_from_tflite(f.bytes(outputs=[right]))
    with pytest.raises(interop.TfliteError, match=f"no tensor 'none'; its outputs are 't{right}'"):
        interop.program_from_tflite(f.bytes(outputs=[right]), cut=("none",))
    for wrong in ("t7", (7,)):
        with pytest.raises(interop.TfliteError, match=r"cut is|a name of cut is"):
            interop.program_from_tflite(f.bytes(outputs=[right]), cut=wrong)


def test_a_tensor_up_to_which_the_file_cannot_be_read_is_not_named():
    """A float net cannot end in a flattened plane. Oracle: the file, cut there."""
    f = TfliteFile((1, 6, 5, 3), kind="FLOAT32")
    at = f.then("CONV_2D", [0, f.drawn(4, 3, 3, 3), f.bias(4)], (1, 6, 5, 4), **windows())
    flat = f.then("RESHAPE", [at, f.constant([1, 120])], (1, 120))
    content = f.bytes(outputs=[f.then("ARG_MAX", [flat, f.constant(1)], (1,), type="INT32")])
    with pytest.raises(interop.TfliteError, match="in an order of its own"):
        interop.from_tflite(content, cut=(f"t{flat}",))
    with pytest.raises(interop.TfliteError, match="compare the channels") as found:
        interop.from_tflite(content)
    assert "--cut" not in str(found.value)


def test_the_tensors_to_cut_at_are_named_whole():
    """After 45 other lines, with 2,000 characters of names. Oracle: the names, in the hint's
    words, which cut the file.
    """
    f = OnnxFile((3, 6, 5))
    heads = [f.of("Relu", f.of("Conv", "input", f.drawn(2, 3, 3, 3))) for _ in range(50)]
    ends = [f.of(f"Other{i}", head, domain="com.microsoft") for i, head in enumerate(heads[:45])]
    model = f.proto(outputs=[*ends, *heads[45:]])
    kept = {"input", *(constant.name for constant in f.constants)}
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [name if name in kept else 40 * "x" + name for name in names]
    for value in model.graph.output:
        value.name = 40 * "x" + value.name
    content = model.SerializeToString()
    with pytest.raises(interop.OnnxError) as found:
        interop.from_onnx(content)
    words = str(found.value).splitlines()[-1].split()
    assert words[0] == "--cut"
    assert len(words[1 : words.index("imports")]) == 50
    cut = [word.strip("'") for word in words[1 : words.index("imports")]]
    assert len(interop.from_onnx(content, cut=cut).output_ports) == 50


@pytest.mark.parametrize("has_axes", [True, False])
def test_an_open_shape_is_read_as_the_users(has_axes):
    """Oracle: the file that states the shape."""
    f = OnnxFile((3, 6, 5))
    f.then("Conv", f.drawn(2, 3, 3, 3)).then("GlobalAveragePool").then("Flatten")
    model = f.proto()
    del model.graph.value_info[:]
    shape = model.graph.input[0].type.tensor_type.shape
    for dim in shape.dim[2:]:
        dim.ClearField("dim_value")
    if not has_axes:
        del shape.dim[:]
    content = model.SerializeToString()
    with pytest.raises(interop.OnnxError, match=r"is open; .* --input-shape"):
        interop.from_onnx(content)
    x = np.random.default_rng(0).normal(0, 1, (2, 3, 6, 5)).astype(np.float32)
    net = interop.from_onnx(content, input_shape=(3, 6, 5))
    assert (net(x) == interop.from_onnx(f.bytes())(x)).all()
    assert not interop.is_quantized_onnx(content, input_shape=[3, 6, 5])
    for wrong in ((3, 6, 0), (3, 6, 5.0), (6, 5), "365"):
        with pytest.raises(interop.OnnxError, match="input_shape is"):
            interop.from_onnx(content if has_axes else f.bytes(), input_shape=wrong)
    with pytest.raises(interop.OnnxError, match=r"input_shape is \(4, 6, 5\); the file's .* \(3, "):
        interop.from_onnx(f.bytes(), input_shape=(4, 6, 5))
