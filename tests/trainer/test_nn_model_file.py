"""Model files: round trips, and refusals of damaged files."""

import contextlib
import io
import json
import math
import subprocess
import sys
import warnings
import zipfile
from dataclasses import dataclass

import numpy as np
import pytest
from mutants import bytes_changed, json_replacements

from drypoint import data, nn
from drypoint.common import DrypointError, npy_header


def model(**parts):
    net = nn.Sequential(
        {
            "block": nn.Sequential([nn.Conv2d(2, 2, padding="same"), nn.BatchNorm2d(), nn.ReLU()]),
            "drop": nn.Dropout(0.25),
            "pool": nn.AvgPool2d(2, stride=(1, 2), padding=((1, 0), (0, 1))),
            "flatten": nn.Flatten(),
            "fc": nn.Linear(3),
            "softmax": nn.Softmax(),
        },
        (1, 3, 4),
    ).initialize(1)
    return nn.Model(
        net,
        encoder=data.ImageEncoder(width=4, height=3, mean=0.1),
        decoder=data.ClassDecoder(["ä", 2, "c"]),
        provenance={"seed": 1, "note": "naïve"},
        **parts,
    )


BYTES = model().dumps()


def facts_and_arrays(content=BYTES):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(members.pop("model.json")), members


def packed(facts, members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        text = facts if isinstance(facts, bytes) else json.dumps(facts).encode()
        archive.writestr("model.json", text)
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def same(a, b):
    arrays = [{**m.net.params, **m.net.buffers} for m in (a, b)]
    return arrays[0].keys() == arrays[1].keys() and all(
        np.array_equal(arrays[0][path], arrays[1][path]) for path in arrays[0]
    )


def npy(array):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=True)
    return buffer.getvalue()


def test_what_is_saved_comes_back(tmp_path):
    before = model()
    before.save(tmp_path / "deep" / "m.npz")
    after = nn.load(tmp_path / "deep" / "m.npz")
    assert same(before, after)
    assert after.encoder == before.encoder
    assert after.decoder == before.decoder
    assert dict(after.provenance) == {"seed": 1, "note": "naïve"}
    assert json.dumps(after.net.config()) == json.dumps(before.net.config())
    images = np.random.default_rng(0).integers(0, 256, (4, 3, 4, 1), dtype=np.uint8)
    np.testing.assert_array_equal(after.predict_proba(images), before.predict_proba(images))
    assert after(images) == before(images)


def test_equal_models_give_equal_bytes_in_every_process():
    assert model().dumps() == BYTES
    assert nn.loads(BYTES).dumps() == BYTES
    code = (
        "import hashlib; from drypoint import nn;"
        "print(hashlib.sha256(nn.Model(nn.lenet5(seed=3)).dumps()).hexdigest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, text=True
        ).stdout
        for _ in range(2)
    }
    assert len(runs) == 1


def test_headers_of_arrays_are_numpys():
    """Shapes whose header is padded to 64 bytes and to 128, exactly and nearly."""
    shapes = [(), (1,), (3, 4), (10**20,), *((1,) * n for n in range(2, 30))]
    for shape in shapes:
        for descr in ("<f4", "<f2", "<f8", "|u1"):
            wanted = io.BytesIO()
            fields = {"descr": descr, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(wanted, fields)
            assert npy_header(shape, descr) == wanted.getvalue()


def test_numpy_reads_the_arrays():
    with np.load(io.BytesIO(BYTES), allow_pickle=False) as arrays:
        weight = arrays["block.conv.weight"]
    np.testing.assert_array_equal(weight, model().net.params["block.conv.weight"])


@pytest.mark.parametrize(
    "net",
    [
        nn.lenet(),
        nn.lenet(seed=0),
        nn.MaxPool2d(2),
        nn.Conv2d(2, 3).initialize(input_shape=(2, 4, 4)),
        nn.Sequential([nn.Linear(2), nn.Linear(2)], (2,)).with_params({"linear2.bias": [1, 2]}),
        nn.Sequential([nn.Flatten(), nn.Linear(2)]),
        nn.Sequential([nn.Sequential([nn.Linear(2)])], (2,)).flatten().initialize(),
    ],
)
def test_nets_in_every_state(net):
    again = nn.loads(nn.Model(net).dumps())
    assert same(again, nn.Model(net))
    assert again.net.initialized == net.initialized
    assert (again.encoder, again.decoder, dict(again.provenance)) == (None, None, {})


def check(content):
    """Loads to the arrays that were saved, or is refused; returns which."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of a doubled name; a warning is no answer
        try:
            loaded = nn.loads(content)
        except nn.ModelFileError:
            return False
    assert same(loaded, nn.loads(BYTES))
    return True


def test_every_truncation_is_refused():
    for length in range(len(BYTES)):
        assert not check(BYTES[:length]), length


def test_every_byte_flipped():
    """One random bit mask a byte. Checksums find every change inside a member. In
    the zip's own records there are fields that mean nothing here (dates, attributes)."""
    rng = np.random.default_rng(0)
    masks = rng.integers(1, 256, len(BYTES), dtype=np.uint8)
    inside = set()
    with zipfile.ZipFile(io.BytesIO(BYTES)) as archive:
        for info in archive.infolist():
            start = info.header_offset + 30 + len(info.filename)  # 30: a local header's size
            inside.update(range(start, start + info.file_size))
    assert len(inside) > 2_000
    for at, mask in enumerate(masks):
        content = bytearray(BYTES)
        content[at] ^= mask
        assert not (check(bytes(content)) and at in inside), at


def test_random_damage():
    rng = np.random.default_rng(1)
    for _ in range(2_000):
        check(bytes_changed(rng, BYTES))


def test_random_damage_inside_the_json():
    """The checksums hold here, so it is the topology itself that is attacked."""
    facts, members = facts_and_arrays()
    text = json.dumps(facts).encode()
    rng = np.random.default_rng(2)
    interesting = b'0123456789-.eE"{}[]:,nullTrue '
    for _ in range(3_000):
        content = bytearray(text)
        for at in rng.integers(0, len(text), int(rng.integers(1, 4))):
            content[at] = interesting[int(rng.integers(0, len(interesting)))]
        with contextlib.suppress(nn.ModelFileError):
            nn.loads(packed(bytes(content), members))


def test_every_field_of_the_json_replaced_by_every_kind_of_value():
    facts, members = facts_and_arrays()
    for changed in json_replacements(facts):
        with contextlib.suppress(nn.ModelFileError):
            nn.loads(packed(changed, members))


def replaced(**changes):
    facts, members = facts_and_arrays()
    return packed({**facts, **changes}, members)


def with_member(name, content):
    facts, members = facts_and_arrays()
    return packed(facts, {**members, name: content})


def deep(levels):
    text = '{"type": "Sequential", "input_shape": null, "layers": {"a": ' * levels
    facts, _ = facts_and_arrays()
    net = text + '{"type": "ReLU"}' + "}}" * levels
    rest = json.dumps({**facts, "net": None, "arrays": []})
    return packed(rest.replace('"net": null', f'"net": {net}').encode(), {})


def without_array():
    facts, members = facts_and_arrays()
    del members["fc.bias.npy"]
    return packed(facts, members)


def unlisted_array():
    facts, members = facts_and_arrays()
    facts["arrays"].remove("fc.bias")
    return packed(facts, members)


def doubled_member():
    buffer = io.BytesIO(BYTES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(buffer, "a") as archive:
            archive.writestr("fc.bias.npy", npy(np.ones(3, np.float32)))
    return buffer.getvalue()


def huge_layer():
    facts, members = facts_and_arrays()
    facts["net"]["layers"]["fc"]["out_features"] = 2**31 - 1
    return packed(facts, members)


def sizes_unknown():
    facts, members = facts_and_arrays()
    bare = {"in_features": None, "bias": True, "out_features": 3, "type": "Linear"}
    kept = {"weight.npy": members["fc.weight.npy"], "bias.npy": members["fc.bias.npy"]}
    return packed({**facts, "net": bare, "arrays": ["weight", "bias"]}, kept)


HOSTILE = {
    "nothing": (b"", "not a model file"),
    "text": (b"hello " * 100, "not a model file"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "not a model file"),
    "an empty zip": (b"PK\x05\x06" + bytes(18), "no model.json"),
    "another npz": (packed({"format": "other"}, {}), "does not say drypoint-model"),
    "a list": (packed([], {}), "does not say drypoint-model"),
    "no JSON": (packed(b"\xff{", {}), "model.json: no JSON"),
    "a newer version": (replaced(version=3), "version 3, this drypoint reads up to 2: install"),
    "no version": (replaced(version="1"), "its version is '1'"),
    "an unknown layer": (replaced(net={"type": "Conv3d"}), "got 'Conv3d'"),
    "no net": (replaced(net=None), "one of the types"),
    "another field": (replaced(extra=1), "fields"),
    "an unknown encoder": (replaced(encoder={"type": "audio"}), "audio"),
    "an encoder of another size": (
        replaced(encoder=data.ImageEncoder(width=3, height=4).config()),
        r"wants \(1, 3, 4\), got \(1, 4, 3\)",
    ),
    "an unknown decoder": (replaced(decoder={"type": "audio"}), "audio"),
    "a decoder that is a number": (replaced(decoder=1), "decoder"),
    "provenance that is no object": (replaced(provenance=1), "fields"),
    "arrays that are no list": (replaced(arrays={}), "no list of names"),
    "a missing array": (without_array(), "arrays are missing"),
    "an unlisted array": (unlisted_array(), "more than listed"),
    "a doubled array": (doubled_member(), "two members have one name"),
    "an array too many": (with_member("x.npy", npy(np.ones(3, np.float32))), "more than listed"),
    "a wrong shape": (with_member("fc.bias.npy", npy(np.ones(4, np.float32))), "another size"),
    "a wrong shape of the same size": (
        with_member("fc.bias.npy", npy(np.ones((1, 3), np.float32))),
        r"fc.bias is not float32 of shape \(3,\)",
    ),
    "a wrong dtype of the same size": (
        with_member("fc.bias.npy", npy(np.ones(3, np.int32))),
        "fc.bias is not float32",
    ),
    "float64": (with_member("fc.bias.npy", npy(np.ones(3))), "another size"),
    "big-endian": (with_member("fc.bias.npy", npy(np.ones(3, ">f4"))), "is not float32"),
    "objects": (with_member("fc.bias.npy", npy(np.array([None] * 3))), "another size"),
    "nan": (
        with_member("fc.bias.npy", npy(np.array([1, np.nan, 1], np.float32))),
        "fc.bias holds values that are not finite",
    ),
    "infinity": (
        with_member("fc.bias.npy", npy(np.full(3, -np.inf, "f4"))),
        "fc.bias holds values that are not finite",
    ),
    "arrays of a layer without sizes": (sizes_unknown(), "does not know its input size"),
    "an array that the net has not": (
        replaced(net=nn.ReLU().config()),
        "the net has no array block.conv.weight",
    ),
    "a layer of gigabytes": (huge_layer(), "2,147,483,647 values, at most 268,435,456"),
    "nested a thousand deep": (deep(1_000), "damaged model file"),
    "nested a hundred thousand deep": (deep(100_000), "damaged model file"),
    "compressed": (packed(*facts_and_arrays(), zipfile.ZIP_DEFLATED), "is compressed"),
    "a bomb": (packed({"x": " " * 10**7}, {}, zipfile.ZIP_DEFLATED), "is compressed"),
    "much JSON": (packed({"x": " " * 2 * 10**6}, {}), "at most 1,048,576 are read"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_model_file_is_refused_in_one_clear_line(name):
    content, text = HOSTILE[name]
    with pytest.raises(nn.ModelFileError, match=text):
        nn.loads(content)


def test_the_error_names_the_file(tmp_path):
    path = tmp_path / "m.npz"
    with pytest.raises(nn.ModelFileError, match=r"cannot read .*m\.npz"):
        nn.load(path)
    path.write_bytes(b"x")
    with pytest.raises(nn.ModelFileError, match=r"m\.npz: not a model file"):
        nn.load(path)


def test_weights_that_are_not_finite_are_not_saved():
    broken = model().net.with_params({"fc.bias": [0, math.nan, 0]})
    with pytest.raises(nn.ModelFileError, match=r"cannot save: fc\.bias holds"):
        nn.Model(broken).dumps()


def test_a_layer_that_could_not_be_read_back_is_not_saved():
    @dataclass(frozen=True, eq=False, repr=False)
    class Own(nn.ReLU):
        pass

    with pytest.raises(nn.ModelFileError, match=r"could not be read back: .*'Own'"):
        nn.Model(nn.Sequential({"own": Own()}, (2,))).dumps()


def test_a_function_encoder_is_not_saved():
    encoder = data.FunctionEncoder(lambda x: np.asarray(x, np.float32), (2,))
    with pytest.raises(DrypointError, match="FunctionEncoder cannot be saved"):
        nn.Model(nn.ReLU(), encoder=encoder).dumps()


def test_facts_without_end_are_not_saved():
    with pytest.raises(nn.ModelFileError, match=r"cannot save .* 2,001,148 bytes"):
        model().with_provenance({"x": "y" * 2_000_000}).dumps()
    with pytest.raises(nn.ModelFileError, match=r"cannot save .* beyond 64 bits"):
        model().with_provenance({"x": 10**400}).dumps()


def test_half_takes_half_the_bytes_and_comes_back_as_float32():
    """Oracle: NumPy's rounding to float16."""
    model = nn.Model(nn.lenet5(seed=1))
    small = model.dumps(half=True)
    assert len(small) < 0.6 * len(model.dumps())
    back = nn.loads(small)
    assert back.dumps(half=True) == small
    for path, array in model.net.parameters().items():
        loaded = back.net.param(path)
        assert loaded.dtype == np.float32
        np.testing.assert_array_equal(loaded, array.astype(np.float16).astype(np.float32))
    with np.load(io.BytesIO(small)) as arrays:
        assert arrays["conv1.weight"].dtype == np.float16


def test_half_refuses_what_float16_cannot_hold():
    net = nn.Linear(1, in_features=1).with_params({"weight": [[65_520.0]], "bias": [0.0]})
    with pytest.raises(nn.ModelFileError, match="not finite, or beyond float16"):
        nn.Model(net).dumps(half=True)
