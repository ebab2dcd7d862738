"""How long answers take, in histograms, and the routes by which programs ask how the server is."""

from __future__ import annotations

import re
from typing import Any

import causerie
from causerie.server.http.latencies import Latencies, TimedAnswer
from causerie.server.processes.jobs import Begun, Ended, Piece
from tests.server.server_process import Server


class Silent:
    """An answer that says nothing."""

    over = False

    def read(self, place: int, event: Any) -> list[dict[str, Any]]:
        return [{"place": place}]

    def whole(self) -> dict[str, Any]:
        return {}


def test_an_answers_times_are_counted() -> None:
    times = iter([10.0, 10.03, 10.04, 10.33, 12.03])
    latencies = Latencies(lambda: next(times))
    answer = TimedAnswer(Silent(), latencies)
    events = [Begun(1, 5), Piece(1, 0, "a", new_tokens=1), Piece(1, 1, "b", new_tokens=1)]
    for event in (*events, Ended(1, 0, "stop", 0, 4), Ended(1, 1, "stop", 0, 1)):
        assert answer.read(3, event) == [{"place": 3}]
    lines = latencies.lines()
    first, further, whole = "time_to_first_token", "time_per_output_token", "answer"
    for name, total, limit, below in ((first, 0.07, 0.05, 2), (further, 0.1, 0.2, 1), (whole, 2.36, 0.5, 1)):
        count = 1 if name == further else 2
        assert f"causerie_{name}_seconds_count {count}" in lines
        assert f"causerie_{name}_seconds_sum {total:.6f}" in lines
        assert f'causerie_{name}_seconds_bucket{{le="{limit}"}} {below}' in lines
        assert f'causerie_{name}_seconds_bucket{{le="+Inf"}} {count}' in lines


def test_answers_of_the_server_are_timed(server: Server) -> None:
    before = server.metric("answer_seconds_count")
    server.said("Hi", max_tokens=3)
    assert server.metric("answer_seconds_count") == before + 1
    text = server.get("/metrics").text
    kinds = re.findall(r"^# TYPE (\w+) histogram$", text, re.MULTILINE)
    assert len(kinds) == 3 and all(f'{kind}_bucket{{le="+Inf"}}' in text for kind in kinds)


def test_names_by_which_other_programs_ask(server: Server) -> None:
    for path in ("/health", "/v1/health", "/ping"):
        assert server.get(path).json() == {"status": "ok"}
    assert server.get("/version").json() == {"version": causerie.__version__}
    server.said("Hi", max_tokens=1)
    one = server.get("/v1/models/builtin").json()
    assert one["max_model_len"] == one["context"] == 2048


def test_a_chat_is_tokenized_as_its_template_writes_it(server: Server) -> None:
    chat: Any = {"messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}]}
    written = server.post("/apply-template", chat).json()
    assert server.post("/tokenize", chat).json()["tokens"] == written["tokens"]
    for body in ({}, chat | {"prompt": "Hi"}):
        assert "send one of them" in server.post("/tokenize", body).text
    for path in ("/tokenize", "/apply-template"):
        wrong = server.post(path, chat | {"tools": [{"type": "function"}]})
        assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "tools")
    open_end = {"messages": [*chat["messages"], {"role": "assistant", "content": "Well"}]}
    assert server.post("/apply-template", open_end | {"continue_final_message": True}).json()["prompt"].endswith("Well")
