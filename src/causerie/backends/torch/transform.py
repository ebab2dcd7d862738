"""What activations go through before a matrix reads them, as tensors: quant/transform.py in torch, to the last bit."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from causerie.quant.transform import TURNED, Transform


@dataclass(frozen=True, eq=False)
class TransformTensors:
    """A transform on a device; matrices of equal transforms share one."""

    order: Tensor | None
    factors: Tensor | None
    turns: bool

    @staticmethod
    def place(transform: Transform, device: torch.device) -> TransformTensors:
        """On a device."""
        arrays = (transform.order, transform.factors)
        order, factors = (None if array is None else torch.tensor(array, device=device) for array in arrays)
        return TransformTensors(order, factors, transform.signs is not None)

    def apply(self, x: Tensor) -> Tensor:
        """Of activations [..., inputs], in float32."""
        turned = x.float() if self.order is None else x.float()[..., self.order]
        if self.factors is not None:
            turned = turned * self.factors
        return _turned(turned) if self.turns else turned

    def undone(self, rows: Tensor) -> Tensor:
        """Rows of a matrix that is made for what this gives, as they would be for what this is given, in whose order
        its inputs are."""
        back = _turned(rows) if self.turns else rows
        return back if self.factors is None else back * self.factors


def _turned(turned: Tensor) -> Tensor:
    """Each 64 times the Hadamard matrix."""
    apart = 1
    while apart < TURNED:
        first, second = turned.unflatten(-1, (-1, 2, apart)).unbind(-2)
        turned = torch.stack((first + second, first - second), dim=-2).flatten(-3)
        apart *= 2
    return turned * 0.125
