"""From how many to how many parameters a model has, as people write it and as the hub's API does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from causerie.errors import UsageError

_NUMBER = r"(\d+(?:\.\d+)?)([KMBT])"


@dataclass(frozen=True)
class SizeRange:
    """Both ends as the API writes them (6B); None for an open one."""

    low: str | None
    high: str | None

    @property
    def asked(self) -> str:
        """For the API's num_parameters."""
        ends = [f"min:{self.low}" if self.low else "", f"max:{self.high}" if self.high else ""]
        return ",".join(end for end in ends if end)

    @staticmethod
    def read(text: str) -> SizeRange:
        """ "8B" is at most that many, "1B-8B" between, "30B-" at least. Raises UsageError."""
        match = re.fullmatch(rf"{_NUMBER}(-?)(?:{_NUMBER})?", text.strip().upper())
        if match is None or (match[4] and not match[3]):
            raise UsageError(f"{text!r} is no range of sizes; expected 8B (at most), 1B-8B or 30B- (at least).")
        first = match[1] + match[2]
        if not match[3]:
            return SizeRange(None, first)
        return SizeRange(first, match[4] + match[5] if match[4] else None)
