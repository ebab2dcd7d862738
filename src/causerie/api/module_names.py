"""`ModuleNames`: what scripts of torch say to any module, for a model that stays where it is and is not trained.

Knows no engine.
"""

from __future__ import annotations

from typing import Any, Self

from causerie.errors import Unsupported


class ModuleNames:
    """Names of torch's modules over `to`. Each gives the model itself, or says why it cannot."""

    training = False

    def to(self, device: Any = None, dtype: Any = None) -> Self:
        """Itself, if it is there already. Raises Unsupported."""
        raise NotImplementedError

    def half(self) -> Self:
        """Itself, if it is held in float16. Raises Unsupported."""
        return self.to(dtype="float16")

    def bfloat16(self) -> Self:
        """Itself, if it is held in bfloat16. Raises Unsupported."""
        return self.to(dtype="bfloat16")

    def float(self) -> Self:
        """Itself, if it is held in float32. Raises Unsupported."""
        return self.to(dtype="float32")

    def cpu(self) -> Self:
        """Itself, if it is on the CPU. Raises Unsupported."""
        return self.to("cpu")

    def cuda(self, device: int | None = None) -> Self:
        """Itself, if it is on that GPU, by default on any. Raises Unsupported."""
        return self.to("cuda" if device is None else f"cuda:{device}")

    def eval(self) -> Self:
        """Itself; there is no other mode."""
        return self

    def train(self, mode: bool = True) -> Self:
        """Itself for mode=False. Raises Unsupported for True."""
        if mode:
            raise Unsupported("Training is not what this program does: leave train() out, or train in transformers.")
        return self

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Itself for requires_grad=False, as no gradient is ever kept. Raises Unsupported for True."""
        return self.train(requires_grad)

    def can_generate(self) -> bool:
        """Whether it generates text: always."""
        return True
