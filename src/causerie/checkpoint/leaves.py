"""What expressions are made of in the end: tensors of a checkpoint, and places of stacks. Knows no model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from causerie.checkpoint.expression import Derived, Expression, Joined, Place, Rows, Tensor


def is_of_rows(expression: Expression) -> bool:
    """Whether an expression is rows of one tensor, or of a place of a stack, each whole: then it is also one of rows of
    bytes that stand for numbers."""
    while isinstance(expression, Derived):
        if not expression.whole_rows:
            return False
        expression = expression.of
    return isinstance(expression, Tensor | Place)


def last_row(expression: Expression) -> int | None:
    """Where the rows end that an expression takes of its tensor, or place of a stack; None where it takes all."""
    while not (isinstance(expression, Rows) and isinstance(expression.of, Tensor | Place)):
        if not isinstance(expression, Derived):
            return None
        expression = expression.of
    return expression.stop


def with_leaves(expression: Expression, leaf: Callable[[Tensor | Place], Expression]) -> Expression:
    """The same expression of something else in place of each tensor, or place of a stack."""
    if isinstance(expression, Tensor | Place):
        return leaf(expression)
    if isinstance(expression, Derived):
        return replace(expression, of=with_leaves(expression.of, leaf))
    if isinstance(expression, Joined):
        return Joined(tuple(with_leaves(part, leaf) for part in expression.parts))
    return expression


def plain_rows(expression: Expression) -> tuple[str, int] | None:
    """The tensor whose rows an expression reads as they lie, and the first of them; None for any other."""
    if isinstance(expression, Tensor):
        return expression.name, 0
    if isinstance(expression, Rows) and isinstance(expression.of, Tensor):
        return expression.of.name, expression.start
    return None
