"""Who guesses for one request is said in it, in each of OpenAI's protocols: answers are the same, and names that nobody
knows are refused with those that are."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from causerie.api.options.speculation import SPECULATION
from causerie.server.http.failure_responses import Refusal
from causerie.server.processes.engine.engine_process import BEAT_SECONDS
from causerie.server.protocols.chat_completions import ChatCompletionRequest
from causerie.server.protocols.completions import CompletionRequest
from causerie.server.protocols.responses import ResponsesRequest
from tests.server.server_process import Server

TEXT = "Say it again: one two three one two three one two"
CHAT = [{"role": "user", "content": TEXT}]
BODIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "/v1/chat/completions": (ChatCompletionRequest, {"messages": CHAT, "max_tokens": 24}),
    "/v1/completions": (CompletionRequest, {"prompt": TEXT, "max_tokens": 24}),
    "/v1/responses": (ResponsesRequest, {"input": TEXT, "max_output_tokens": 24}),
}


def said(path: str, answer: dict[str, Any]) -> Any:
    if path == "/v1/responses":
        return [item["content"] for item in answer["output"]]
    return [choice.get("message", choice.get("text")) for choice in answer["choices"]]


def drafted(server: Server) -> int:
    """Tokens that were guessed in answers that have ended, whoever did; until a model has loaded there is nobody. The
    engine tells its counts by the beat."""
    time.sleep(2 * BEAT_SECONDS)
    counts = re.findall(r"^causerie_drafted_tokens_total\{.*\} (\d+)$", server.get("/metrics").text, re.MULTILINE)
    return sum(map(int, counts))


@pytest.mark.parametrize("path", BODIES)
def test_it_becomes_a_flag(path: str) -> None:
    kind, body = BODIES[path]
    for word in (None, *SPECULATION):
        (order,) = kind(model="builtin", speculation=word, **body).orders()
        assert order(1).flags.get("speculation") == word
    with pytest.raises(Refusal) as refusal:
        kind(model="builtin", speculation="lokup", **body).orders()
    assert (
        refusal.value.param == "speculation"
        and "Known, nearest first: lookup, mtp, off, auto, shadow" in refusal.value.message
    )


@pytest.mark.parametrize("path", BODIES)
def test_answers_are_the_same(server: Server, path: str) -> None:
    _, body = BODIES[path]
    texts, counts = [], [drafted(server)]
    for word in ("off", "lookup", "auto"):
        response = server.post(path, {"model": "builtin", "speculation": word, "temperature": 0, **body})
        assert response.status_code == 200, response.text
        texts.append(said(path, response.json()))
        if word == "off":
            counts.append(drafted(server))
    assert counts[0] == counts[1]
    assert texts[0] == texts[1] == texts[2]
    server.wait(lambda: "causerie_drafted_tokens_total{" in server.get("/metrics").text)


@pytest.mark.parametrize("path", BODIES)
def test_what_cannot_be_is_refused_by_name(server: Server, path: str) -> None:
    _, body = BODIES[path]
    for word, sentence in (
        ("lokup", "Known, nearest first: lookup, mtp, off, auto, shadow"),
        ("shadow", "loaded without that one"),
    ):
        response = server.post(path, {"model": "builtin", "speculation": word, **body})
        assert response.status_code == 400, response.text
        error = response.json()["error"]
        assert error["param"] == "speculation" and sentence in error["message"]
