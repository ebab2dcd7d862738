"""Which model a request means: by its name, by another one, by any, or by none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from causerie.cli.verbs.serve import aliases_of
from causerie.errors import UsageError
from causerie.server.http.failure_responses import Refusal
from causerie.server.http.model_names import ModelNames
from tests.server.server_process import Server, serving

CHAT: Any = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4, "temperature": 0}


def test_a_name_an_alias_and_none() -> None:
    several = ModelNames(["a", "b"], {"gpt-4o": "b"})
    assert [several.model(name, []) for name in ("a", "b", "gpt-4o")] == ["a", "b", "b"]
    with pytest.raises(Refusal, match=r"names no model.* a, b"):
        several.model(None, [])
    with pytest.raises(Refusal, match=r"Unknown model 'gpt-4'. Known, nearest first: gpt-4o"):
        several.model("gpt-4", [])
    assert ModelNames(["a"]).model(None, []) == "a"


def test_any_name_is_the_first_model_that_is_loaded() -> None:
    names = ModelNames(["a", "b"], {"c": "a"}, any_name=True)
    assert [names.model(name, ["b"]) for name in ("a", "c", "gpt-4o", None)] == ["a", "a", "b", "b"]
    assert names.model("gpt-4o", []) == "a"


@pytest.mark.parametrize("words", [["gpt-4o"], ["=a"], ["x=c"], ["a=b"], ["x=a", "x=b"]])
def test_aliases_that_cannot_be_are_refused(words: list[str]) -> None:
    with pytest.raises(UsageError, match="--alias"):
        aliases_of(words, ["a", "b"])


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/apply-template"])
def test_a_single_model_answers_who_names_none(server: Server, path: str) -> None:
    body = CHAT if path != "/apply-template" else {"messages": CHAT["messages"]}
    unnamed, null, named = (server.post(path, body | name) for name in ({}, {"model": None}, {"model": "builtin"}))
    assert unnamed.status_code == null.status_code == 200, unnamed.text
    for answer in ("choices", "content", "prompt"):
        assert unnamed.json().get(answer) == named.json().get(answer)
    assert unnamed.json().get("model") == named.json().get("model")


def test_aliases_and_no_name_by_ollamas_protocol(tmp_path: Path) -> None:
    with serving(tmp_path, "builtin", "--alias", "llama3.2=builtin") as server:
        client = server.ollama_client()
        assert [row.model for row in client.list().models] == ["builtin", "llama3.2"]
        said = [
            client.chat(name, CHAT["messages"], options={"temperature": 0}) for name in ("builtin", "llama3.2:latest")
        ]
        assert said[0].message.content == said[1].message.content != ""
        unnamed = server.post(
            "/api/chat", {"messages": CHAT["messages"], "options": {"temperature": 0}, "stream": False}
        )
        assert unnamed.json()["message"]["content"] == said[0].message.content
        assert client.pull("llama3.2").status == "success"
