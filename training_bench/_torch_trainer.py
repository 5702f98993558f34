"""Training by PyTorch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.nn import Sequential

from ._torch_net import torch_net
from ._trainer import LR, Trainer


class TorchTrainer(Trainer):
    """Eager PyTorch."""

    channels_last = False

    def __init__(
        self, net: Sequential, x: NDArray[np.uint8], y: NDArray[np.int64], *, threads: int
    ) -> None:
        import torch  # noqa: PLC0415 - optional

        self.torch: Any = torch
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        planes = x
        if x.dtype == np.uint8:
            planes = x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2)
        self._x = torch.from_numpy(np.ascontiguousarray(planes))
        self._y = torch.from_numpy(y)
        self._format = (
            torch.channels_last
            if self.channels_last and planes.ndim == 4
            else torch.contiguous_format
        )
        self._net = torch_net(net).to(memory_format=self._format)
        self._adam = torch.optim.Adam(self._net.parameters(), lr=LR)
        self._loss = torch.nn.CrossEntropyLoss() if y.ndim == 1 else torch.nn.MSELoss()

    def train(self, n: int, batch: int) -> None:
        """One epoch."""
        self._net.train()
        order = self.torch.randperm(n)
        for start in range(0, n, batch):
            chosen = order[start : start + batch]
            self._adam.zero_grad(set_to_none=True)
            self._loss(self._net(self._scale(self._x[chosen])), self._y[chosen]).backward()
            self._adam.step()

    def forward(self, n: int, batch: int) -> None:
        """From bytes to outputs."""
        self._net.eval()
        with self.torch.inference_mode():
            for start in range(0, n, batch):
                self._net(self._scale(self._x[start : start + batch]))

    def _scale(self, x: Any) -> Any:
        if x.dtype != self.torch.uint8:
            return x.contiguous(memory_format=self._format)
        return x.to(self.torch.float32, memory_format=self._format).mul_(1 / 255)


class ChannelsLastTrainer(TorchTrainer):
    """PyTorch in the layout channels_last, usually its fastest layout on CPUs."""

    channels_last = True
