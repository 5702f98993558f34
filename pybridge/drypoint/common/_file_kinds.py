"""What an unexpected file is, by its first bytes; which function writes the format of a name."""

from pathlib import Path

from ._errors import DrypointError

_KINDS = (
    (0, b"DPT\x1a", "an integer program: engine.Engine(path) runs it, Program.load reads it"),
    (4, b"TFL3", "a TensorFlow Lite file: interop.from_tflite and program_from_tflite read it"),
    (0, b"\x89HDF", "an HDF5 file, as Keras writes: interop.from_keras takes the loaded model"),
    (0, b"\x93NUMPY", "an array: numpy.load reads it"),
    (0, b"\x89PNG", "a picture: data.ImageEncoder and load_folder read it"),
    (0, b"\xff\xd8\xff", "a picture: data.ImageEncoder and load_folder read it"),
)
_ZIPS = (
    (
        b"models/model.json",
        "a PyTorch program: torch.onnx.export(torch.export.load(path)).save('net.onnx') writes a "
        "file that interop.from_onnx reads",
    ),
    (
        b"code/__torch__",
        "TorchScript: interop.from_torch takes the torch.nn.Module that it was made of",
    ),
    (b"model.json", "a float model, which nn.load reads; quant.quantize makes a program of it"),
    (b"data.pkl", "a PyTorch file: interop.from_torch takes the loaded module"),
    (b"model.weights.h5", "a Keras file: interop.from_keras takes the loaded model"),
)
_OWN = {
    ".npz": "a float model: Model.save writes it",
    ".dpt": "an integer program: quant.quantize makes it of a model, Program.save writes it",
}
_WRITERS = {
    **_OWN,
    ".c": "C: engine.export_c writes it",
    ".h": "C: engine.export_c writes it",
    ".onnx": "ONNX: interop.to_onnx gives its bytes",
    ".tflite": "TensorFlow Lite: interop.to_tflite gives its bytes, of a program",
    ".safetensors": "safetensors: interop.to_safetensors gives its bytes, of a model",
    ".pt": "PyTorch: interop.to_torch_state_dict gives its tensors, of a model",
    ".pth": "PyTorch: interop.to_torch_state_dict gives its tensors, of a model",
    ".h5": "Keras, which drypoint does not write",
    ".keras": "Keras, which drypoint does not write",
}


def check_suffix(path: str | Path, own: str) -> None:
    """Refuse a file whose name promises another format than the one that is written.

    Args:
        path: the file; a suffix that is no other format's is taken.
        own: the suffix of the format that is written: ".npz" or ".dpt".

    Raises:
        DrypointError: the suffix is another format's; the message names what writes that.
    """
    suffix = Path(path).suffix.lower()
    if suffix != own and suffix in _WRITERS:
        what = _OWN[own].partition(":")[0]
        raise DrypointError(
            f"{path} would hold {what}: name it {own}; {suffix} is {_WRITERS[suffix]}"
        )


def file_kind(content: bytes) -> str:
    """What the bytes look like and what reads them, as "it looks like ...", or "".

    A guess for a message: nothing is parsed, and no claim is made that the file is whole.
    """
    for at, magic, kind in _KINDS:
        if content[at : at + len(magic)] == magic:
            return f"it looks like {kind}"
    if content[:4] == b"PK\x03\x04":
        for name, kind in _ZIPS:
            if name in content[:4096] or name in content[-65536:]:
                return f"it looks like {kind}"
        return "" if b".npy" in content[:4096] else "it looks like a zip archive of another program"
    return ""
