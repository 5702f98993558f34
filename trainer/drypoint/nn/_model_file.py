"""The bytes of a model file: an uncompressed zip of ``model.json`` and one ``.npy`` an array.

NumPy can read the file too: ``np.load(path)["conv1.weight"]``. A file may be untrusted: the JSON
is checked and built into a net first; then each array must be one of the net's, with exactly the
header and size that the net needs. Zip members are stored, not compressed, so reading allocates
no more than the file's size.

A model that was trained in integers (`drypoint.quant`) is stored as the float model that the
training started from, its settings under "integers", and the trained arrays as
``trained/PATH.npy``.
"""

import json
import math
from collections.abc import Mapping

import numpy as np

from drypoint.autodiff import Array
from drypoint.common import (
    DrypointError,
    file_kind,
    npy_header,
    pack_members,
    parse_json,
    unpack_members,
)

from ._catalogue import layer_from_config
from ._errors import ModelFileError
from ._module.layer import Layer
from ._module.sizes import Shape

FORMAT = "drypoint-model"
VERSION = 2  # of a model trained in integers; other files have version 1

_SINGLE, _HALF = np.dtype("<f4"), np.dtype("<f2")  # dtypes of arrays in the file
_JSON = "model.json"
_LARGEST_JSON = 1 << 20  # bytes: a net of thousands of layers; bounds the parser's work
_TRAINED = "trained/"
_FIELDS = {"format", "version", "net", "arrays", "encoder", "decoder", "provenance"}


def pack(
    net: Layer,
    ends: Mapping[str, object],
    *,
    half: bool = False,
    trained: Mapping[str, Array] | None = None,
) -> bytes:
    """The bytes of the model file of a net, its encoder, decoder and provenance."""
    kind = _HALF if half else _SINGLE
    with np.errstate(over="ignore"):  # the check below refuses infinities
        arrays = {path: a.astype(kind) for path, a in {**net.params, **net.buffers}.items()}
    paths = list(arrays)
    arrays |= {_TRAINED + path: a.astype(kind) for path, a in (trained or {}).items()}
    for path, array in arrays.items():
        if not np.isfinite(array).all():
            reason = "not finite, or beyond float16" if half else "not finite"
            raise ModelFileError(f"cannot save: {path} holds values that are {reason}")
    try:
        config = net.config()
    except DrypointError as error:
        raise ModelFileError(f"cannot save: {error}") from error
    version = 1 if trained is None else VERSION
    facts = {"format": FORMAT, "version": version, "net": config, "arrays": paths}
    try:
        layer_from_config(json.loads(json.dumps(config)))
    except (DrypointError, TypeError, ValueError) as error:
        raise ModelFileError(f"cannot save: the net could not be read back: {error}") from error
    text = json.dumps({**facts, **ends}, allow_nan=False).encode()
    try:
        parse_json(text, largest=_LARGEST_JSON)  # as `unpack` will
    except DrypointError as error:
        raise ModelFileError(f"cannot save what stands beside the arrays: {error}") from error
    contents = {f"{p}.npy": npy_header(a.shape, kind.str) + a.tobytes() for p, a in arrays.items()}
    return pack_members({_JSON: text, **contents})


def unpack(content: bytes) -> tuple[Layer, dict[str, object], dict[str, bytes]]:
    """The net, the ends and the unread arrays of a model trained in integers, in the bytes that
    `pack` gave.
    """
    try:
        members = unpack_members(content)
    except DrypointError as error:
        kind = file_kind(content) or "Model.save writes one"
        if b"model.json" in content[:4096]:
            raise ModelFileError(f"a damaged model file: {error}; copy it again") from error
        raise ModelFileError(f"not a model file, or a damaged one: {error}; {kind}") from error
    if _JSON not in members:
        kind = file_kind(content) or "Model.save writes one"
        raise ModelFileError(f"not a model file: there is no {_JSON} in it; {kind}")
    facts = _facts(members.pop(_JSON))
    net = _net(facts["net"])
    inner = [name for name in members if name.startswith(_TRAINED) and "integers" in facts]
    trained = {name.removeprefix(_TRAINED): members.pop(name) for name in inner}
    arrays = read_arrays(members, net=net, paths=facts["arrays"])
    net = net.with_params({p: arrays[p] for p in net.param_names if p in arrays})
    net = net.with_buffers({p: arrays[p] for p in net.buffer_names if p in arrays})
    names = ("encoder", "decoder", "provenance", "integers")
    return net, {name: facts.get(name) for name in names}, trained


def _facts(text: bytes) -> dict[str, object]:
    """The parsed JSON, checked for format, version and fields."""
    try:
        facts = parse_json(text, largest=_LARGEST_JSON)
    except DrypointError as error:
        raise ModelFileError(f"damaged model file: {_JSON}: {error}") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise ModelFileError(f"not a model file: {_JSON} does not say {FORMAT}")
    version = facts.get("version")
    if type(version) is not int or version < 1:
        raise ModelFileError(f"damaged model file: its version is {version!r}")
    if version > VERSION:
        raise ModelFileError(
            f"the model file has format version {version}, this drypoint reads up to {VERSION}: "
            "install a newer one"
        )
    fields = _FIELDS if version == 1 else {*_FIELDS, "integers"}
    if set(facts) != fields or not isinstance(facts["provenance"], dict):
        raise ModelFileError(f"damaged model file: {_JSON} has the fields {sorted(facts)}")
    return facts


def _net(config: object) -> Layer:
    try:
        return layer_from_config(config)
    except (DrypointError, RecursionError) as error:
        raise ModelFileError(f"damaged model file: {error}") from error


def read_arrays(members: Mapping[str, bytes], *, net: Layer, paths: object) -> dict[str, Array]:
    """Path -> array for the listed paths, which must be exactly the members of the zip."""
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise ModelFileError("damaged model file: its arrays are no list of names")
    if {f"{path}.npy" for path in paths} != set(members):
        raise ModelFileError(
            "damaged model file: arrays are missing, or there are more than listed"
        )
    try:
        shapes = {**net.param_shapes(), **net.buffer_shapes()} if paths else {}
    except DrypointError as error:
        raise ModelFileError(f"damaged model file: arrays without known sizes: {error}") from error
    unknown = [path for path in paths if path not in shapes]
    if unknown:
        raise ModelFileError(f"damaged model file: the net has no array {unknown[0]}")
    return {p: _array(members[f"{p}.npy"], path=p, shape=shapes[p]) for p in paths}


def _array(content: bytes, *, path: str, shape: Shape) -> Array:
    """One array as float32, checked to be float32 or float16, finite and of this shape."""
    headers = {kind: npy_header(shape, kind.str) for kind in (_SINGLE, _HALF)}
    sizes = {k: len(header) + k.itemsize * math.prod(shape) for k, header in headers.items()}
    if len(content) not in sizes.values():
        raise ModelFileError(f"damaged model file: {path} has another size than {shape} in float32")
    for kind, header in headers.items():
        if content.startswith(header) and len(content) == sizes[kind]:
            array = np.frombuffer(content, kind, offset=len(header)).reshape(shape)
            break
    else:
        raise ModelFileError(f"damaged model file: {path} is not float32 of shape {shape}")
    if not np.isfinite(array).all():
        raise ModelFileError(f"damaged model file: {path} holds values that are not finite")
    return array.astype(np.float32)
