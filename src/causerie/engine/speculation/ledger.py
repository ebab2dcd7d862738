"""What speculation has saved and cost, so that it cannot lose: it may spend a little of all time, and what it has
lately won. Values only."""

from __future__ import annotations

from math import ceil

_ALLOWANCE = 0.008  # of the time of every step
_CREDIT = 4.0  # plain steps that it begins with
_MOST = 3.0  # plain steps that it can have to lose for long
_LEAST = -2.0  # plain steps that it can be overdrawn by: what a cold start or a long prompt took is forgiven
_REMAINS = 0.97  # of what it has beyond, with each step: what was won long ago is no reason to lose now


class Ledger:
    """The account of one engine."""

    def __init__(self) -> None:
        self._balance: float | None = None  # seconds; None before the first step

    @property
    def overdrawn(self) -> bool:
        """Whether nothing may be spent for now."""
        return self._balance is not None and self._balance < 0.0

    def pause(self, plain: float) -> int:
        """After how many steps that take so long, and cost nothing else, it is no longer overdrawn."""
        if self._balance is None or self._balance >= 0.0 or plain <= 0.0:
            return 0
        return ceil(-self._balance / (_ALLOWANCE * plain))

    def enter(self, plain: float, seconds: float, gain: float) -> None:
        """A step has run that took so long, where one that only draws next tokens takes `plain`, and that gained, or
        lost, against such steps."""
        before = _CREDIT * plain if self._balance is None else self._balance
        balance, most = before + _ALLOWANCE * seconds + gain, _MOST * plain
        self._balance = max(balance if balance <= most else most + _REMAINS * (balance - most), _LEAST * plain)
