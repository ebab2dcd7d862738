"""What an answer's usage says of tokens that were guessed, and what the server counts of them."""

from __future__ import annotations

from typing import Any

from causerie.server.processes.jobs import Ended
from causerie.server.protocols.sampling_fields import usage
from tests.server.server_process import Server


def test_guessed_tokens_are_named_where_there_were_any() -> None:
    first = Ended(1, 0, "stop", 4, 10, reasoning_tokens=2, drafted_tokens=7, accepted_tokens=5)
    second = Ended(1, 1, "stop", 4, 20, drafted_tokens=3)
    details = usage(6, [first, second], 4)["completion_tokens_details"]
    assert details == {"reasoning_tokens": 2, "accepted_prediction_tokens": 5, "rejected_prediction_tokens": 5}
    assert usage(6, [Ended(1, 0, "stop", 4, 10)], 4) == {
        "prompt_tokens": 6,
        "completion_tokens": 10,
        "total_tokens": 16,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def test_they_are_counted(server: Server) -> None:
    before = server.metric("new_tokens_total")
    body: dict[str, Any] = {"model": "builtin", "prompt": "one two one two one two", "max_tokens": 8}
    server.post("/v1/completions", body)
    server.wait(lambda: server.metric("new_tokens_total") > before)
    assert server.metric("drafted_tokens_total") >= server.metric("accepted_tokens_total") >= 0
