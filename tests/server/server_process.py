"""A real `causerie serve` with the built-in model, for tests: started on a free port, asked over HTTP, stopped."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anthropic
import httpx
import ollama
import openai

from causerie import builtin_model_path


@dataclass
class Server:
    """A server that runs."""

    process: subprocess.Popen[str]
    url: str
    clients: ExitStack = field(default_factory=ExitStack)

    def openai_client(self, key: str = "none", **options: Any) -> openai.OpenAI:
        """The official client, closed when the server stops: one that is left open is a warning somewhere else."""
        client = openai.OpenAI(base_url=self.url + "/v1", api_key=key, max_retries=0, **options)
        return self.clients.enter_context(client)

    def anthropic_client(self, key: str = "none") -> anthropic.Anthropic:
        """The official client, closed when the server stops."""
        return self.clients.enter_context(anthropic.Anthropic(base_url=self.url, api_key=key, max_retries=0))

    def ollama_client(self) -> ollama.Client:
        """The official client, closed when the server stops."""
        return self.clients.enter_context(ollama.Client(host=self.url, timeout=60))

    def post(self, path: str, body: Any, **options: Any) -> httpx.Response:
        return httpx.post(self.url + path, json=body, timeout=60, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(self.url + path, timeout=60, **options)

    def chat(self, text: str, **fields: Any) -> httpx.Response:
        messages = [{"role": "user", "content": text}]
        return self.post("/v1/chat/completions", {"model": "builtin", "messages": messages, "temperature": 0, **fields})

    def said(self, text: str, **fields: Any) -> str:
        response = self.chat(text, **fields)
        assert response.status_code == 200, response.text
        content: str = response.json()["choices"][0]["message"]["content"]
        return content

    def metric(self, name: str) -> float:
        match = re.search(rf"^causerie_{name} (\S+)$", self.get("/metrics").text, re.MULTILINE)
        assert match, name
        return float(match[1])

    def wait(self, condition: Any, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.05)

    def stop(self) -> int:
        self.clients.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


def start(folder: Path, *options: str) -> Server:
    """Starts a server and waits until it is well."""
    log = folder / "server.log"
    with log.open("w") as out:
        command = [sys.executable, "-m", "causerie.cli.main", "serve", "--port", "0", *options]
        process = subprocess.Popen(command, stderr=out, text=True)
    end = time.monotonic() + 60
    while True:
        match = re.search(r"on (https?://\S+)/v1", log.read_text())
        if match and well(match[1]):
            return Server(process, match[1])
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    """A server while the body runs; it must end as it should."""
    started = start(folder, *options)
    try:
        yield started
    finally:
        assert started.stop() in (0, -15)


def folder_with(template: str, at: Path) -> str:
    """The built-in model with another chat template."""
    shutil.copytree(builtin_model_path(), at)
    (at / "chat_template.jinja").write_text(template)
    return str(at)


def well(url: str) -> bool:
    try:
        return httpx.get(url + "/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
