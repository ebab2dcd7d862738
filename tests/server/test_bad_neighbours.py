"""One request must not end, stop or change what others get: each of these asks for too much, beside an answer that is
compared with the one given alone."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.chat.test_structure_bounds import chained, rules
from tests.server.server_process import Server, folder_with, serving
from tests.server.test_text_work import ENDLESS

STORY = {"max_tokens": 300, "logit_bias": {"2": -100}}


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the built-in model and of one whose template never ends."""
    folder = tmp_path_factory.mktemp("crowded")
    endless = folder_with(ENDLESS, folder / "endless")
    with serving(folder, "builtin", endless, "--max-requests", "64") as started:
        yield started


@pytest.fixture
def beside(crowded: Server) -> Iterator[None]:
    """An honest answer runs while the test does what it does; it and the engine's process are as without."""
    alone = crowded.said("Tell me of tokens.", **STORY)
    restarts = crowded.metric("engine_restarts_total")
    said: list[str] = []
    done = threading.Event()

    def tell() -> None:
        while not done.is_set():
            said.append(crowded.said("Tell me of tokens.", **STORY))

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    assert set(said) == {alone}
    assert crowded.metric("engine_restarts_total") == restarts
    crowded.wait(lambda: crowded.metric("jobs") == 0)
    crowded.wait(lambda: crowded.metric("used_blocks") == 0)


def _at_once(*asked: Callable[[], httpx.Response]) -> list[httpx.Response]:
    with ThreadPoolExecutor(len(asked)) as pool:
        return [request.result() for request in [pool.submit(each) for each in asked]]


def _format(crowded: Server, format: dict[str, Any]) -> Callable[[], httpx.Response]:
    return lambda: crowded.chat("Hi", response_format=format, max_tokens=4)


def _error(response: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    assert len(error["message"]) < 500
    return {"status": response.status_code, "param": error["param"], "code": error["code"]}


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize(
    "format",
    [
        {"type": "json_schema", "json_schema": {"name": "chain", "schema": chained(1000)}},
        {"type": "json_schema", "json_schema": {"name": "chain", "schema": chained(400)}},
        {"type": "grammar", "grammar": rules(4000)},
        {"type": "regex", "regex": "(a|b)*" * 33_000},
    ],
    ids=["a long schema", "a deep schema", "a chain of rules", "a long regex"],
)
def test_a_form_beyond_the_bounds_is_its_own_requests_fault(crowded: Server, format: dict[str, Any]) -> None:
    for response in _at_once(*[_format(crowded, format)] * 8):
        assert _error(response) == {"status": 400, "param": "response_format", "code": None}


@pytest.mark.usefixtures("beside")
def test_a_form_that_compiles_too_long_is_its_own_requests_fault(crowded: Server) -> None:
    hard = {f"p{place}": {"type": "string", "pattern": "^(a|b)*[a-z]{1,500}$"} for place in range(900)}
    schema = {"type": "object", "properties": hard}
    (response,) = _at_once(_format(crowded, {"type": "json_schema", "json_schema": {"name": "hard", "schema": schema}}))
    assert _error(response) == {"status": 400, "param": "response_format", "code": None}


@pytest.mark.usefixtures("beside")
def test_hi_does_not_wait_for_millions_of_characters(crowded: Server) -> None:
    with ThreadPoolExecutor(3) as pool:
        long = [pool.submit(crowded.chat, "1" * 7_500_000, max_tokens=4) for _ in range(3)]
        assert crowded.chat("hi", max_tokens=4).status_code == 200
        for request in long:
            assert _error(request.result()) == {"status": 400, "param": "messages", "code": "context_length_exceeded"}


@pytest.mark.usefixtures("beside")
def test_another_models_endless_template_stops_nobody_whoever_leaves(crowded: Server) -> None:
    models = [each["id"] for each in crowded.get("/v1/models").json()["data"]]
    body = {"model": models[1], "messages": [{"role": "user", "content": "Hi"}]}
    for _ in range(3):
        with pytest.raises(httpx.TimeoutException):
            httpx.post(crowded.url + "/v1/chat/completions", json=body, timeout=0.3)
    begun = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(crowded.post, "/v1/chat/completions", body)
        assert crowded.chat("hi", max_tokens=4).status_code == 200
        assert _error(waiting.result()) == {"status": 400, "param": "messages", "code": "chat_template_error"}
    assert time.monotonic() - begun < 50  # four templates, each stopped after two seconds


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"[" + b"[]," * 2_600_000 + b"1]", "json_too_large"),
        (b"[" * 8_000_000, "json_too_deep"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "json_too_deep"),
    ],
    ids=["empty lists", "brackets", "objects"],
)
def test_bodies_of_too_many_values_are_not_decoded(crowded: Server, text: bytes, code: str) -> None:
    headers = {"Content-Type": "application/json"}
    response = httpx.post(crowded.url + "/v1/chat/completions", content=text, headers=headers, timeout=60)
    assert _error(response) == {"status": 400, "param": None, "code": code}


@pytest.mark.usefixtures("beside")
def test_tokenize_gives_no_more_than_can_be_sent_at_once(crowded: Server) -> None:
    body = {"model": "builtin", "prompt": "1" * 7_500_000}
    assert _error(crowded.post("/tokenize", body))["status"] == 400
    assert crowded.post("/tokenize", {**body, "prompt": "1" * 300_000}).json()["count"] >= 300_000 / 64
    tokens = crowded.post("/detokenize", {"model": "builtin", "tokens": [300] * 200_000})
    assert tokens.status_code == 200
    assert json.loads(tokens.content)["prompt"]


@pytest.mark.usefixtures("beside")
def test_a_crowd_of_one_client_gets_what_there_is_room_for(crowded: Server) -> None:
    asked = [lambda place=place: crowded.chat(f"{place} " + "word " * 100, max_tokens=8) for place in range(60)]
    assert {response.status_code for response in _at_once(*asked)} == {200}
