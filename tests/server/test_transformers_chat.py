"""The field's own chat program, `transformers chat`, with our server: it loads, asks, and sends its generate flags."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.server_process import Server


def test_transformers_chat(server: Server) -> None:
    pytest.importorskip("transformers")
    program = Path(sys.executable).with_name("transformers")
    command = [str(program), "chat", "builtin", f"{server.url}/v1", "max_new_tokens=7", "do_sample=False"]
    done = subprocess.run(command, input="What is a token?\nN\n!exit\n", capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "builtin was already loaded." in done.stdout
    said = server.said("What is a token?", max_tokens=7)
    assert said and said in done.stdout and server.said("What is a token?") not in done.stdout


def test_a_generation_config_is_weaker_than_the_fields(server: Server) -> None:
    flags = {"max_new_tokens": 3, "repetition_penalty": 1.3, "transformers_version": "5", "num_beams": 1, "top_k": None}
    for config in (flags, json.dumps(flags)):
        assert server.said("Hello!", generation_config=config) == server.said(
            "Hello!", max_tokens=3, repetition_penalty=1.3
        )
        assert server.said("Hello!", generation_config=config, max_tokens=2) == server.said(
            "Hello!", max_tokens=2, repetition_penalty=1.3
        )


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("{", "no JSON object"),
        ("[1]", "no JSON object"),
        ({"num_beams": 4}, "num_beams"),
        ({"tempratur": 1}, "temperature"),
        ({"num_return_sequences": 2}, "set n"),
        ({"output_scores": True}, "top_logprobs"),
    ],
)
def test_what_it_cannot_hold(server: Server, config: object, says: str) -> None:
    told = server.chat("Hello!", generation_config=config)
    assert told.status_code == 400 and says in told.json()["error"]["message"]
