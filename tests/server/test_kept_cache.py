"""A server that is killed and started again answers the next message of a chat without reading it anew."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.server.server_process import Server, start


def test_a_chat_goes_on_after_the_server_was_killed(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAUSERIE_CACHE", str(tmp_path / "cache"))
    first = {"role": "user", "content": "Tell me of the sea. " * 50}
    keeping = start(tmp_path, "--keep-cache", "100MB")
    answer = {"role": "assistant", "content": keeping.said(str(first["content"]), max_tokens=20)}
    body = {
        "model": "builtin",
        "messages": [first, answer, {"role": "user", "content": "And then?"}],
        "temperature": 0,
        "max_tokens": 20,
    }
    keeping.wait(lambda: keeping.metric("kept_cache_bytes") > 0)
    keeping.process.send_signal(signal.SIGKILL)
    keeping.process.wait()
    again = start(tmp_path, "--keep-cache", "100MB")
    said = again.post("/v1/chat/completions", body).json()
    expected = server.post("/v1/chat/completions", body).json()
    assert said["choices"][0]["message"] == expected["choices"][0]["message"]
    assert said["usage"]["prompt_tokens_details"]["cached_tokens"] > 200
    again.wait(lambda: again.metric("recalled_tokens_total") > 200)
    assert again.stop() in (0, -15)
