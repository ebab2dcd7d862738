"""What an answer's usage says of tokens that were guessed, and what the server counts of them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

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


STUCK: dict[str, Any] = {
    "model": "builtin",
    "prompt": "one two three one two three one two three one two three",
    "logit_bias": {"70": 100},
    "max_tokens": 400,
    "temperature": 0,
}


def test_they_are_counted_by_who_guessed_them(server: Server) -> None:
    def metrics() -> str:
        return str(server.get("/metrics").text)

    def count(name: str) -> int:
        counts = re.findall(rf'^causerie_{name}_tokens_total{{drafter="(\w+)"}} (\d+)$', metrics(), re.MULTILINE)
        assert {drafter for drafter, _ in counts} >= {"lookup", "chats"}
        return sum(int(number) for _, number in counts)

    server.post("/v1/completions", STUCK | {"max_tokens": 1})
    server.wait(lambda: "lookup" in metrics())
    drafted, accepted, came, wrong = count("drafted"), count("accepted"), 0, 0
    for _ in range(20):  # whether guesses pay is a matter of time, and this machine may be busy
        details = server.post("/v1/completions", STUCK).json()["usage"]["completion_tokens_details"]
        came += details.get("accepted_prediction_tokens", 0)
        wrong += details.get("rejected_prediction_tokens", 0)
        if came > 0:
            break
    assert came > 0
    server.wait(lambda: count("drafted") >= drafted + came + wrong)
    assert count("accepted") >= accepted + came


@pytest.mark.parametrize("end", ["stop string", "repetition"])
def test_an_answer_that_is_ended_early_has_its_usage_whole(server: Server, end: str) -> None:
    """What ends it the engine does not know, and tells what it has cost by then all the same."""
    letter = server.post("/v1/completions", STUCK | {"max_tokens": 1}).json()["choices"][0]["text"]
    early = {"stop": letter * 200} if end == "stop string" else {"repetition_detection": True, "max_tokens": 700}
    for stream in (False, True):
        body = STUCK | early | {"stream": stream, "n": 2}
        if stream:
            body["stream_options"] = {"include_usage": True}
            chunks = [json.loads(line[6:]) for line in server.post("/v1/completions", body).text.split("\n\n")[:-2]]
            usage, ended = chunks[-1]["usage"], [choice for chunk in chunks for choice in chunk["choices"]]
        else:
            answer = server.post("/v1/completions", body).json()
            usage, ended = answer["usage"], answer["choices"]
        reasons = [choice["finish_reason"] for choice in ended if choice["finish_reason"] is not None]
        assert reasons == ["stop", "stop"]
        assert usage["prompt_tokens_details"]["cached_tokens"] > 0
        assert usage["completion_tokens"] == 2 * (200 if end == "stop string" else 576)
