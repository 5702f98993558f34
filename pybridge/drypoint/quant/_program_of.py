"""Makes a program of a model's fused graph and the integers of its nodes."""

from collections.abc import Mapping
from typing import Any

from drypoint.data import AudioEncoder, Decoder, Encoder, SignalEncoder
from drypoint.graph import Graph, QuantizedNode, to_program
from drypoint.program import Program, ProgramError

from ._errors import QuantizationError


def program_of(
    encoder: Encoder | None,
    decoder: Decoder | Mapping[str, Decoder] | None,
    graph: Graph,
    nodes: tuple[QuantizedNode, ...],
    *,
    name: str,
    provenance: Mapping[str, Any] | None,
) -> Program:
    """The program of a fused graph, with the integers of its nodes."""
    names = [output.name for output in graph.outputs]
    decoders = decoder if isinstance(decoder, Mapping) else {names[-1]: decoder}
    found = {name: d for name, d in decoders.items() if d is not None}
    try:
        return to_program(
            graph,
            nodes,
            name=name,
            labels=tuple(str(c) for c in getattr(found.get(names[-1]), "classes", ())),
            encoder=_border(encoder) or graph.encoder,
            decoders={name: d.config() for name, d in found.items()},
            provenance=provenance or {},
            front=encoder.front if isinstance(encoder, AudioEncoder) else None,
        )
    except ProgramError as error:
        raise QuantizationError(f"the net does not fit the engine: {error}") from error


def _border(encoder: Encoder | None) -> Mapping[str, Any] | None:
    """The config of an encoder whose arithmetic the program's border does, not its first op."""
    at_border = isinstance(encoder, SignalEncoder | AudioEncoder)
    return encoder.config() if at_border else None  # type: ignore[union-attr]
