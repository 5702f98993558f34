"""The bytes of a model file: an uncompressed zip of ``model.json`` and one ``.npy`` an array.

NumPy can read it too: ``np.load(path)["conv1.weight"]``. What is read may come from anywhere, so
nothing in it is believed: the JSON is checked into a net first, and an array is read only where
the net has one, with exactly the header and size that the net calls for. Stored members cannot
be larger than the file, so neither can what is allocated.
"""

import io
import json
import math
import struct
import zipfile
from collections.abc import Mapping

import numpy as np

from drypoint.autodiff import Array
from drypoint.common import DrypointError

from ._errors import ModelFileError
from ._from_config import layer_from_config
from ._layer import Layer
from ._sizes import Shape

FORMAT = "drypoint-model"
VERSION = 1

_SINGLE, _HALF = np.dtype("<f4"), np.dtype("<f2")  # what arrays may be in the file
_JSON = "model.json"
_LARGEST_JSON = 1 << 20  # bytes: a net of thousands of layers; bounds the parser's work
_FIELDS = {"format", "version", "net", "arrays", "encoder", "decoder", "provenance"}
_BROKEN_ZIP = (
    zipfile.BadZipFile,
    struct.error,
    EOFError,
    OSError,
    ValueError,  # which text decoding and seeking raise
    NotImplementedError,  # other compression methods, later versions of zip
    RuntimeError,  # members that claim to be encrypted
    OverflowError,
)


def pack(net: Layer, ends: Mapping[str, object], *, half: bool = False) -> bytes:
    """The file of a net and of what stands around it.

    Args:
        net: initialized or not.
        ends: encoder, decoder and provenance, as JSON takes them.
        half: round the arrays to float16.

    Raises:
        ModelFileError: a value is not finite, or the file could not be read back.
    """
    kind = _HALF if half else _SINGLE
    with np.errstate(over="ignore"):  # what becomes infinite is refused here
        arrays = {path: a.astype(kind) for path, a in {**net.params, **net.buffers}.items()}
    for path, array in arrays.items():
        if not np.isfinite(array).all():
            reason = "not finite, or beyond float16" if half else "not finite"
            raise ModelFileError(f"cannot save: {path} holds values that are {reason}")
    try:
        config = net.config()
    except DrypointError as error:
        raise ModelFileError(f"cannot save: {error}") from error
    facts = {"format": FORMAT, "version": VERSION, "net": config, "arrays": list(arrays)}
    try:
        layer_from_config(json.loads(json.dumps(facts["net"])))
    except (DrypointError, TypeError, ValueError) as error:
        raise ModelFileError(f"cannot save: the net could not be read back: {error}") from error
    text = json.dumps({**facts, **ends}, allow_nan=False).encode()
    if len(text) > _LARGEST_JSON:
        raise ModelFileError(f"cannot save: {len(text):,} bytes beside the arrays are too many")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        _add(archive, _JSON, text)
        for path, array in arrays.items():
            _add(archive, f"{path}.npy", _header(array.shape, kind) + array.tobytes())
    return buffer.getvalue()


def unpack(content: bytes) -> tuple[Layer, dict[str, object]]:
    """The net and the ends that `pack` wrote.

    Raises:
        ModelFileError: the bytes are anything else.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {info.filename: info for info in archive.infolist()}
            if len(members) < len(archive.infolist()):
                raise ModelFileError("not a model file: two members have one name")
            facts = _facts(_read(archive, members.get(_JSON), _LARGEST_JSON))
            net = _net(facts["net"])
            arrays = _arrays(archive, members, net=net, paths=facts["arrays"])
    except _BROKEN_ZIP as error:
        if isinstance(error, DrypointError):
            raise
        raise ModelFileError(f"not a model file, or a damaged one: {error}") from error
    net = net.with_params({p: arrays[p] for p in net.param_names if p in arrays})
    net = net.with_buffers({p: arrays[p] for p in net.buffer_names if p in arrays})
    return net, {name: facts[name] for name in ("encoder", "decoder", "provenance")}


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Store a member with nothing of this machine or moment in it."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.create_system = 3
    info.external_attr = 0o644 << 16
    archive.writestr(info, content)


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo | None, most: int) -> bytes:
    """A member of at most `most` bytes; zipfile checks its CRC."""
    if info is None:
        raise ModelFileError(f"not a model file: there is no {_JSON} in it")
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
        raise ModelFileError(f"damaged model file: {info.filename} is compressed")
    if info.file_size > most:
        raise ModelFileError(
            f"damaged model file: {info.filename} has {info.file_size:,} bytes, more than {most:,}"
        )
    return archive.read(info)


def _facts(text: bytes) -> dict[str, object]:
    """The JSON part, when it is of this format and version."""
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"damaged model file: {_JSON} is no JSON: {error}") from error
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
    if set(facts) != _FIELDS or not isinstance(facts["provenance"], dict):
        raise ModelFileError(f"damaged model file: {_JSON} has the fields {sorted(facts)}")
    return facts


def _net(config: object) -> Layer:
    try:
        return layer_from_config(config)
    except (DrypointError, RecursionError) as error:
        raise ModelFileError(f"damaged model file: {error}") from error


def _arrays(
    archive: zipfile.ZipFile,
    members: Mapping[str, zipfile.ZipInfo],
    *,
    net: Layer,
    paths: object,
) -> dict[str, Array]:
    """Path -> array for the listed paths, which must be all other members."""
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise ModelFileError("damaged model file: its arrays are no list of names")
    if {_JSON, *(f"{path}.npy" for path in paths)} != set(members):
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
    return {p: _array(archive, members[f"{p}.npy"], path=p, shape=shapes[p]) for p in paths}


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, path: str, shape: Shape) -> Array:
    """One array as float32, when it is float32 or float16, finite and of this shape."""
    headers = {kind: _header(shape, kind) for kind in (_SINGLE, _HALF)}
    sizes = {k: len(header) + k.itemsize * math.prod(shape) for k, header in headers.items()}
    if info.file_size not in sizes.values():
        raise ModelFileError(f"damaged model file: {path} has another size than {shape} in float32")
    content = _read(archive, info, info.file_size)
    for kind, header in headers.items():
        if content.startswith(header) and len(content) == sizes[kind]:
            array = np.frombuffer(content, kind, offset=len(header)).reshape(shape)
            break
    else:
        raise ModelFileError(f"damaged model file: {path} is not float32 of shape {shape}")
    if not np.isfinite(array).all():
        raise ModelFileError(f"damaged model file: {path} holds values that are not finite")
    return array.astype(np.float32)


def _header(shape: Shape, kind: "np.dtype[np.floating]") -> bytes:
    """What NumPy writes before the numbers of a row-major array."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": kind.str, "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue()
