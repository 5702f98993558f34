"""A module in words."""

from collections.abc import Mapping
from dataclasses import fields

from drypoint.autodiff import Array

from ._errors import ShapeError
from ._ported import Ported
from ._sizes import Shape


def described(module: Ported, inside: Mapping[str, Ported]) -> str:
    """Several lines: type, hyper-parameters or layers, ports, arrays.

    Args:
        module: what is described.
        inside: path -> layer, of one that is no container itself at "".
    """
    lines = [type(module).__name__]
    if "" in inside:
        lines += [f"  {f.name} = {getattr(module, f.name)!r}" for f in fields(module) if f.init]
    else:
        lines += [f"  layer {path}: {layer!r}" for path, layer in inside.items()]
    shapes = module.input_shapes
    outputs = module.output_shapes(shapes)
    lines += [f"  takes {port}: {_shape(shapes.get(port))}" for port in module.input_ports]
    lines += [f"  gives {port}: {_shape(outputs.get(port))}" for port in module.output_ports]
    try:
        sizes = {**module.param_shapes(), **module.buffer_shapes()}
    except ShapeError:
        sizes = {}
    values = {**module.params, **module.buffers}
    for kind, names in (("learns", module.param_names), ("keeps", module.buffer_names)):
        for name in names:
            numbers = _numbers(values[name]) if name in values else "uninitialized"
            lines.append(f"  {kind} {name}: {_shape(sizes.get(name))}, {numbers}")
    return "\n".join(lines)


def _shape(shape: Shape | None) -> str:
    return "any shape" if shape is None else str(shape)


def _numbers(array: Array) -> str:
    return (
        f"{array.min():.4g} to {array.max():.4g}, mean {array.mean():.4g}, "
        f"deviation {array.std():.4g}"
    )
