"""How many tokens of a request may be checked in a step, where that follows what came of those before: transformers'
`num_assistant_tokens_schedule`. Values only; the controller judges within these bounds.
"""

from __future__ import annotations

from causerie.decoding.params import SamplingParams

_MORE, _LESS = 2, 1  # tokens, after a draft that was wholly right, and after another one


class Schedule:
    """Those of all requests. "heuristic" goes on where the request before it stopped that began at the same bound,
    "heuristic_transient" begins anew with each."""

    def __init__(self) -> None:
        self._bounds: dict[int, int] = {}  # by request
        self._last: dict[int, int] = {}  # by the bound that requests begin at

    def most(self, request: int, params: SamplingParams) -> int | None:
        """The bound of now; None where there is none."""
        if params.drafted_schedule == "constant" or params.most_drafted is None:
            return params.most_drafted
        first = params.most_drafted
        if params.drafted_schedule == "heuristic":
            first = self._last.get(first, first)
        return self._bounds.setdefault(request, first)

    def learn(self, request: int, params: SamplingParams, right: bool) -> None:
        """A draft was checked, and all of it was right or not."""
        bound = self.most(request, params)
        if bound is None or params.most_drafted is None or params.drafted_schedule == "constant":
            return
        bound = bound + _MORE if right else max(1, bound - _LESS)
        self._bounds[request] = bound
        if params.drafted_schedule == "heuristic":
            self._last[params.most_drafted] = bound

    def forget(self, request: int) -> None:
        """The request has ended."""
        self._bounds.pop(request, None)
