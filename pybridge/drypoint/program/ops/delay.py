"""A tensor of the step before, which a recurrent program carries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._tensors import LIMITS, NUMPY_TYPE
from ._arithmetic import Plane
from ._interval import Interval
from ._op import BaseOp, TableShapes


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Delay(BaseOp):
    """The tensor of number ``carries``, which a later op writes, of the step before.

    The op runs when its input is ready, and reads no value of it. In its first step the output is
    ``pad``: a value of the output's type for each channel, [out.c]; None: 0 for all channels.
    """

    number = 18
    kind = "delay"
    writes_i16 = remembers = True

    carries: int
    pad: NDArray[np.integer] | None = None

    def __post_init__(self) -> None:
        self.check_tensors()
        self.need(self.out_type != "i32", "carries i32: wanted: u8, i8 or i16")
        self.need(1 <= self.carries <= 0xFFFF, f"carries tensor {self.carries}, not 1 to 65535")
        if self.pad is not None:
            self.freeze("pad")

    @classmethod
    def table_shapes(cls, of: Any) -> TableShapes:
        """The first values, which an op may lack."""
        return {"pad": (np.dtype(NUMPY_TYPE[of.output.type]), (of.output.shape.c,))}

    def record_fields(self) -> Mapping[str, Any]:
        """The number of the carried tensor stands in groups' place."""
        return {"groups": self.carries}

    @classmethod
    def fields_of_record(cls, record: Any) -> dict[str, Any]:
        """As `record_fields`."""
        return {"carries": record.groups}

    def first_values(self, count: int) -> Plane:
        """The output in the first step, of ``count`` signals."""
        plane = np.zeros((count, *self.out_shape), NUMPY_TYPE[self.out_type])
        if self.pad is not None:
            plane[:] = self.pad
        return plane

    def interval(self, sources: Sequence[Interval]) -> Interval:  # noqa: ARG002
        """All values of the type: they depend on the steps before."""
        low, high = (np.full(self.out_shape.c, end, np.int64) for end in LIMITS[self.out_type])
        return Interval(low, high)

    @property
    def runs_by_rows(self) -> bool:
        """The op runs in a step."""
        return False

    @property
    def state_bytes(self) -> int:
        """Bytes of the state that hold the carried tensor."""
        return self.output.bytes

    def describe(self) -> str:
        """The carried tensor, by the op that writes it."""
        return f"delay of {self.carries - 1}"
