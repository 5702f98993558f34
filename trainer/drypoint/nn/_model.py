"""`Model`: a net with an encoder before it and a decoder after it; model files."""

import inspect
import json
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, Self, cast, runtime_checkable

import numpy as np

from drypoint.autodiff import Array
from drypoint.common import (
    DrypointError,
    accept,
    attribute_hints,
    check_kind,
    check_suffix,
    html_text,
    kind_of,
    read_bytes,
    write_atomic,
)
from drypoint.data import (
    AudioEncoder,
    BoxDecoder,
    Decoder,
    Encoder,
    ImageEncoder,
    SignalEncoder,
    check_scaled,
    decoder_from_config,
    encoder_from_config,
)

from . import _model_file as model_file
from ._aliases import MODEL, MODEL_HINTS
from ._containers.graph import Graph
from ._containers.joining import has_several_inputs, join_arrays, join_inputs
from ._errors import ModelError, ModelFileError
from ._module.arrays import FrozenMapping, as_real
from ._module.layer import Layer
from ._module.sizes import Shape, check_values


@runtime_checkable
class _Ranking(Protocol):
    """A decoder that puts classes in order."""

    def top(self, p: object, k: int | None = None) -> list[object]: ...


@runtime_checkable
class _TrainedInIntegers(Protocol):
    """A net of `drypoint.quant`, trained in integers."""

    @property
    def float_model(self) -> "Model": ...
    @property
    def settings(self) -> Mapping[str, object]: ...


@accept(MODEL)
@attribute_hints(MODEL_HINTS)
@dataclass(frozen=True, eq=False)
class Model:
    """A net with an encoder of its inputs and a decoder of its outputs.

    An immutable value; `with_net`, `with_encoder`, ... return a changed copy.

    Args:
        net: a layer, mostly a `Sequential`. If its sizes are open, the encoder's shape sets them.
            A `Graph` with several inputs becomes one that reads a vector of them.
        encoder: encodes pictures or signals as arrays of the net's input shape; None: the model
            takes arrays.
        decoder: decodes the net's output to a class, an image, ...; None: the model gives arrays.
            Of a `Graph` with several outputs, decoders by the outputs' names.
        provenance: facts about the model that its file holds too, of JSON types.

    Raises:
        ModelError: `net` is no layer, a decoder has another number of classes than its output has
            values or is of no output, or `provenance` is not JSON.
        ShapeError: the encoder gives another shape than the net takes.
    """

    net: Layer
    _: KW_ONLY
    encoder: Encoder | None = None
    decoder: Decoder | Mapping[str, Decoder] | None = None
    provenance: Mapping[str, object] = field(default_factory=FrozenMapping, repr=False)

    def __post_init__(self) -> None:
        """Check the parts, and bind the net to the encoder's shape."""
        if not isinstance(self.net, Layer):
            raise ModelError(f"a model wants a net or layer, got {kind_of(self.net)}")
        if has_several_inputs(self.net):
            if self.encoder is not None:
                raise ModelError("a net of several inputs takes arrays by name, and no encoder")
            object.__setattr__(self, "net", join_inputs(cast("Graph", self.net)))
        if self.encoder is not None:
            if not isinstance(getattr(self.encoder, "shape", None), tuple):
                raise ModelError(f"encoder is {kind_of(self.encoder)}; wanted: one of data")
            check_values("Model", self.encoder.shape, "an encoded input")
            object.__setattr__(self, "net", self.net.bind(self.encoder.shape))
        self._check_classes()
        try:
            facts = json.loads(json.dumps(dict(self.provenance), allow_nan=False))
        except (TypeError, ValueError) as error:
            raise ModelError(f"provenance is not as JSON takes it: {error}") from error
        object.__setattr__(self, "provenance", FrozenMapping(facts))

    def _check_classes(self) -> None:
        """Refuse a decoder of another number of classes than the net has outputs."""
        ports = self.net.output_ports
        if isinstance(self.decoder, Mapping):
            object.__setattr__(self, "decoder", FrozenMapping(self.decoder))
        if len(ports) > 1 and not isinstance(self.decoder, Mapping | None):
            raise ModelError(
                f"the net has the outputs {', '.join(ports)}; wanted: a decoder by name, such as "
                f"decoder={{{ports[0]!r}: {self.decoder!r}}}"
            )
        decoders = self.decoders
        for port in decoders:
            if port not in ports:
                raise ModelError(
                    f"the decoder of {port!r} is of no output; there are {', '.join(ports)}"
                )
        if self.net.input_shape is None:
            return
        shapes = self.net.output_shapes({self.net.input_ports[0]: self.net.input_shape})
        for port, decoder in decoders.items():
            shape, classes = shapes.get(port, ()), getattr(decoder, "classes", None)
            if isinstance(decoder, BoxDecoder):
                if shape[:1] != (decoder.channels,):
                    raise ModelError(
                        f"the net has outputs {shape}, the decoder reads maps of "
                        f"{decoder.channels} channels"
                    )
            elif isinstance(classes, tuple) and len(shape) in (1, 3) and shape[0] != len(classes):
                raise ModelError(
                    f"the net has {shape[0]} outputs, the decoder {len(classes)} classes; wanted: "
                    f"{shape[0]} classes, one for each output: Model(net, encoder=..., "
                    "decoder=data.ClassDecoder(classes))"
                )

    @property
    def decoders(self) -> dict[str, Decoder]:
        """Output port -> its decoder, for the ports that have one."""
        if isinstance(self.decoder, Mapping):
            return dict(self.decoder)
        return {} if self.decoder is None else {self.net.output_ports[0]: self.decoder}

    @property
    def is_integer(self) -> bool:
        """Whether the net was trained in a program's integers, by `quant.finetune`:
        `quant.quantize` needs no calibration of the model.
        """
        return self._integers is not None

    @property
    def _integers(self) -> _TrainedInIntegers | None:
        """The layer that computes in integers."""
        for _, leaf in self.net.leaves():
            # Others would look for a similar name, which takes longer than folding the layer.
            if "float_model" in vars(leaf) and isinstance(leaf, _TrainedInIntegers):
                return leaf
        return None

    @property
    def input_shape(self) -> Shape | None:
        """The shape of one encoded example, or None while the net's sizes are open."""
        return self.net.input_shape if self.encoder is None else self.encoder.shape

    def encode(self, x: object) -> Array:
        """The net's input for x: one example, or a batch with its axis first; of several inputs a
        dict of these by name.

        Float arrays of exactly the net's input shape, batches of them and lists of them pass
        unchanged; the encoder, if there is one, encodes anything else. A `SignalEncoder` encodes
        every input.

        Raises:
            InputError: there is no encoder, and x is no array of finite real numbers.
            ModelError: there is no encoder, and a net of images would read uint8 pixels unscaled.
            DrypointError: the encoder does not take x, or x are pixels from 0 to 255 as floats.
        """
        if isinstance(x, Mapping) and self.encoder is None:
            return join_arrays(self.net, x)
        raw = self._raw(x)
        if raw is not None:
            if isinstance(self.encoder, ImageEncoder):
                check_scaled(raw, name="the inputs")
            return raw
        if self.encoder is None:
            self._check_scaled(x)
            return as_real(x, "Model")  # type: ignore[arg-type]  # what is no array is refused
        return np.asarray(self.encoder(x), np.float32)

    def decode(self, y: Array | dict[str, Array]) -> object:
        """The decoded output, or list of decoded outputs; y itself without a decoder. Of several
        outputs a dict by name.
        """
        if isinstance(y, dict):
            found = self.decoders
            return {
                port: found[port](value) if port in found else value for port, value in y.items()
            }
        return self.decoder(y) if callable(self.decoder) else y

    def __call__(self, x: object, question: str | None = None, *arguments: object) -> object:
        """Encode, apply the net, decode: the decoded output for one input, a list for several.

        `top` and `predict_proba` have more precise return types.
        """
        if question is None:
            return self.decode(self.net(self.encode(x)))
        known = getattr(self.decoder, "properties", ())
        name = "top" if question == "top_probabilities" else question
        if name not in known:
            there = f"; there are {', '.join(known)}" if known else ""
            raise ModelError(f"the decoder {self.decoder!r} has no property {question!r}{there}")
        method = getattr(self.decoder, name)
        try:
            inspect.signature(method).bind(x, *arguments)
        except TypeError as error:
            raise ModelError(f"property {question!r} takes other arguments: {error}") from error
        return method(self.net(self.encode(x)), *arguments)

    def predict_proba(self, x: object, *, batch_size: int = 256) -> Array | Any:
        """The net's output, not decoded, for one input or for many (N, ...), batch by batch. Of
        several outputs a dict of arrays by name.

        Args:
            x: as for calling the model.
            batch_size: inputs that are encoded and computed at a time, at least 1; bounds memory.

        Raises:
            ModelError: the batch size is below 1. Otherwise as for calling the model.
        """
        if batch_size < 1:
            raise ModelError(f"batch_size is at least 1, got {batch_size}")
        x = self.encode(x) if isinstance(x, Mapping) and self.encoder is None else x
        if not isinstance(x, list | tuple | np.ndarray) or not self._is_long(x, batch_size):
            return self.net(self.encode(x))
        starts = range(0, len(x), batch_size)
        parts: list[Any] = [self.net(self.encode(x[i : i + batch_size])) for i in starts]
        if isinstance(parts[0], dict):
            return {port: np.concatenate([part[port] for part in parts]) for port in parts[0]}
        return np.concatenate(parts)

    def predict(self, x: object, *, batch_size: int = 256) -> object:
        """The decision for one input, or a list for many: as by calling the model, but batch by
        batch.

        Args:
            x, batch_size: as for `predict_proba`.

        Raises:
            ModelError: the batch size is below 1. Otherwise as for calling the model.
        """
        return self.decode(self.predict_proba(x, batch_size=batch_size))

    def reconstruction_error(self, x: object, *, batch_size: int = 256) -> Array:
        """How badly an autoencoder reconstructs each input: the mean squared difference of the
        net's output and its encoded input, float64 (N,).

        Args:
            x, batch_size: as for `predict_proba`; a batch.

        Raises:
            ModelError: the net gives another number of values than it takes. Otherwise as for
                calling the model.
        """
        encoded = np.asarray(self.encode(x), np.float64)
        outputs = self.predict_proba(x, batch_size=batch_size).reshape(len(encoded), -1)
        wanted = encoded.reshape(len(encoded), -1)
        if outputs.shape != wanted.shape:
            raise ModelError(
                f"the net gives {outputs.shape[1:]} values for {wanted.shape[1:]}: it is no "
                "autoencoder"
            )
        squares: Array = ((outputs - wanted) ** 2).mean(axis=1)
        return squares

    def top(self, x: object, k: int | None = None) -> list[object]:
        """The k likeliest (class, probability) pairs, likeliest first; a list of such lists for a
        batch. k = None means all classes.

        Raises:
            ModelError: the decoder does not rank classes, or there is none.
        """
        if not isinstance(self.decoder, _Ranking):
            raise ModelError(
                f"top() wants a decoder of classes, the model has {self.decoder!r}: "
                "with_decoder(data.ClassDecoder(classes))"
            )
        return self.decoder.top(self.predict_proba(x), k)

    def check_export(self) -> None:
        """Check, before training, that `quant.quantize` can make the model an integer program.

        Raises:
            QuantizationError: it cannot: the message names each layer in the way, the reason and
                what to use instead.
        """
        from drypoint.quant import check_export  # noqa: PLC0415 - quant imports nn

        check_export(self)

    def with_net(self, net: Layer) -> Self:
        """The model with another net."""
        return replace(self, net=net)

    def with_encoder(self, encoder: Encoder | None) -> Self:
        """The model with another encoder, or without."""
        return replace(self, encoder=encoder)

    def with_decoder(self, decoder: Decoder | Mapping[str, Decoder] | None) -> Self:
        """The model with another decoder, or with decoders by the outputs' names, or without."""
        return replace(self, decoder=decoder)

    def with_provenance(self, provenance: Mapping[str, object]) -> Self:
        """The model with another provenance."""
        return replace(self, provenance=provenance)

    def dumps(self, *, half: bool = False) -> bytes:
        """The model as the bytes of a ``.npz`` file; equal models give equal bytes.

        A model that was trained in integers is stored as the float model before, the scheme and
        the trained arrays; `quant.quantize` makes the same program of the model that is loaded.

        Args:
            half: round the arrays to float16, half the bytes; `loads` gives float32.

        Raises:
            ModelFileError: a parameter is not finite (as float16: not within 65,504 of 0), or the
                class of a layer is not one of nn's; ``half`` of a model trained in integers.
            DrypointError: the encoder or decoder has no config (a function).
        """
        integers = self._integers
        encoder = self.encoder if integers is None else integers.float_model.encoder
        ends: dict[str, object] = {
            "encoder": None if encoder is None else encoder.config(),
            "decoder": _decoder_config(self.decoder),
            "provenance": dict(self.provenance),
        }
        if integers is None:
            return model_file.pack(self.net, ends, half=half)
        if half:
            raise ModelFileError("a model trained in integers has no float16 arrays")
        ends["integers"] = dict(integers.settings)
        return model_file.pack(integers.float_model.net, ends, trained=self.net.params)

    def save(self, path: str | Path) -> None:
        """Write `dumps` to a file, whole or not at all; `load` reads it back.

        Raises:
            DrypointError: as `dumps`; the file cannot be written, or its suffix is another format's
                (".onnx").
        """
        check_suffix(path, ".npz")
        write_atomic(path, self.dumps())

    @staticmethod
    def load(path: str | Path) -> "Model":
        """`nn.load`: the model that `save` wrote to a file."""
        return load(path)

    def _repr_html_(self) -> str:
        """For notebooks: encoder, net as a table, decoder."""
        before, after = (html_text(repr(end)) for end in (self.encoder, self.decoder))
        net = self.net._repr_html_()
        return f"<pre>encoder {before}</pre>{net}<pre>decoder {after}</pre>"

    def _raw(self, x: object) -> Array | None:
        """x as an array if it has the net's input shape and is of floats, else None."""
        if isinstance(self.encoder, SignalEncoder):
            return None  # signals may have the shape of encoded signals: (steps, 1) and (1, steps)
        if getattr(self.encoder, "encodes_floats", False):
            return None  # an encoder of `quant` makes integers of floats of this shape
        shape = self.input_shape
        if isinstance(x, list | tuple) and x and all(_is_float(value) for value in x):
            if all(np.shape(value) == shape for value in x):
                return np.stack(x)
            return None
        if shape is None or not isinstance(x, np.ndarray) or not _is_float(x):
            return None
        return x if shape in (x.shape, x.shape[1:]) else None

    def _check_scaled(self, x: object) -> None:
        """Refuse uint8 images if the model has no encoder that scales them."""
        shape = self.input_shape
        if not isinstance(x, np.ndarray) or x.dtype != np.uint8 or x.size == 0:
            return
        if shape is not None and len(shape) == 3 and shape[0] in (1, 3) and x.max() > 1:
            raise ModelError(
                f"the inputs are uint8 up to {x.max()}, and the model has no encoder that scales "
                "pixels: give floats scaled as in training, or nn.Model(net, "
                "encoder=data.ImageEncoder(...))"
            )

    def _is_long(self, x: "list[object] | tuple[object, ...] | np.ndarray", most: int) -> bool:
        """Whether x is a batch of more than `most` inputs; for an array the first row decides
        whether it is a batch."""
        if isinstance(x, list | tuple):
            return self.encoder is not None and len(x) > most
        if isinstance(self.encoder, SignalEncoder | AudioEncoder):
            return len(x) > most and not self.encoder.is_window(x.shape)
        rank = None if self.input_shape is None else len(self.input_shape)
        return x.ndim > 0 and len(x) > most and self.encode(x[:1]).ndim - 1 == rank


def _decoder_config(decoder: Decoder | Mapping[str, Decoder] | None) -> dict[str, object] | None:
    """The config of a decoder; of several, {"outputs": name -> config}."""
    if isinstance(decoder, Mapping):
        return {"outputs": {port: part.config() for port, part in decoder.items()}}
    return None if decoder is None else decoder.config()


def _decoder_from_config(
    config: dict[str, object] | None,
) -> Decoder | Mapping[str, Decoder] | None:
    """What `_decoder_config` described."""
    if config is None:
        return None
    if not isinstance(config, dict) or set(config) != {"outputs"}:
        return decoder_from_config(config)
    configs = cast("dict[str, dict[str, object]]", config["outputs"])
    return {port: decoder_from_config(config) for port, config in configs.items()}


def _is_float(x: object) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def loads(content: bytes) -> Model:
    """The model in the bytes of a model file, as `Model.dumps` gives them.

    The bytes may be untrusted: they are checked, and never executed.

    Raises:
        ModelFileError: the bytes are no model file, a damaged one, or of a newer format.
    """
    check_kind(content, bytes, name="content", wanted="the bytes of a file", error=ModelFileError)
    net, ends, trained = model_file.unpack(content)
    encoder, decoder = (cast("dict[str, Any] | None", ends[e]) for e in ("encoder", "decoder"))
    try:
        model = Model(
            net,
            encoder=None if encoder is None else encoder_from_config(encoder),
            decoder=_decoder_from_config(decoder),
            provenance=cast("dict[str, object]", ends["provenance"]),
        )
        return _in_integers(model, ends["integers"], trained) if ends["integers"] else model
    except (DrypointError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelFileError(f"damaged model file: {error}") from error


def _in_integers(model: Model, settings: Any, trained: Mapping[str, bytes]) -> Model:
    """The model trained in integers, of the float model before."""
    from drypoint.quant import Calibration, Scheme  # noqa: PLC0415 - quant imports nn

    if not isinstance(settings, dict) or set(settings) != {"weights", "calibration"}:
        raise ModelFileError("its integers are no weights and calibration")
    calibration = Calibration.from_json(json.dumps(settings["calibration"]))
    start = Scheme(weights=settings["weights"]).restored_model(model, calibration)
    paths = list(start.net.params)
    arrays = model_file.read_arrays(trained, net=start.net, paths=paths)
    return start.with_net(start.net.with_params(arrays))


def load(path: str | Path) -> Model:
    """The model that `Model.save` wrote to a file.

    Raises:
        ModelFileError: the file cannot be read, or as `loads`; the message names the file.
    """
    try:
        return loads(read_bytes(path))
    except ModelFileError as error:
        is_onnx = Path(path).suffix == ".onnx"
        hint = "; it is ONNX by its name: interop.from_onnx reads it" if is_onnx else ""
        raise ModelFileError(f"{path}: {error}{hint}") from error
    except DrypointError as error:
        raise ModelFileError(str(error)) from error
