"""The server under load beside llama-server: many streams at once, how soon /health answers meanwhile, and whether each
text is the one that its request gets alone.

    python bench/setup_peers.py llama_cpp     once
    python bench/serve_load.py                the shape of Qwen2.5-0.5B, 16 streams, in 8 and 4 bits

Both servers are started anew for each round and take turns, as memory and neighbours drift. Prints a table and, as its
last line, the same as JSON. Measures servers from outside and knows no part of the program.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, cast

import httpx
from peers.fresh import FORMATS, prepared
from peers.worker import ENVS

GGUF = {"bf16": "BF16", "8-bit": "Q8_0", "4-bit": "Q4_0"}
WORDS = (
    "the",
    "of",
    "and",
    "to",
    "in",
    "is",
    "that",
    "it",
    "was",
    "for",
    "on",
    "are",
    "with",
    "as",
    "his",
    "they",
    "at",
    "be",
)


def prompt(place: int, words: int = 48) -> str:
    """A text of its own for each stream, about 64 tokens long."""
    return " ".join(WORDS[(place * 7 + each * (place + 3)) % len(WORDS)] for each in range(words))


@contextmanager
def served(words: list[str], url: str | None) -> Iterator[str]:
    """A server that runs; its address is `url` or what it prints."""
    with tempfile.NamedTemporaryFile("w+") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 120
            while True:
                found = url or next(iter(re.findall(r"on (http://\S+)/v1", Path(log.name).read_text())), None)
                if found and _well(found):
                    break
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"{words[0]} does not serve:\n{Path(log.name).read_text()[-2000:]}")
                time.sleep(0.1)
            yield found
        finally:
            process.terminate()
            process.wait(60)


def _well(url: str) -> bool:
    try:
        return httpx.get(url + "/health", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def streams(url: str, model: str, places: Iterable[int], tokens: int) -> list[bytes]:
    """All that streamed completions send, asked for at once. One thread takes what came as it is and reads it later,
    for the client runs on the cores of the server that it measures."""
    host, port = url.removeprefix("http://").split(":")
    came: dict[socket.socket, list[bytes]] = {}
    with closing(selectors.DefaultSelector()) as open_ones:
        for place in places:
            body = {"model": model, "prompt": prompt(place), "max_tokens": tokens, "temperature": 0, "stream": True}
            asked = json.dumps({**body, "stream_options": {"include_usage": True}}).encode()
            head = f"POST /v1/completions HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(asked)}\r\n\r\n"
            connection = socket.create_connection((host, int(port)), timeout=600)
            connection.sendall(head.encode() + asked)
            open_ones.register(connection, selectors.EVENT_READ)
            came[connection] = []
        while open_ones.get_map():
            for key, _ in open_ones.select():
                connection = cast(socket.socket, key.fileobj)
                some = connection.recv(65536)
                came[connection].append(some)
                if not some:
                    open_ones.unregister(connection)
                    connection.close()
    return [body_of(url, b"".join(parts)) for parts in came.values()]


class Kept:
    """A connection whose bytes have all come, for http.client to read."""

    def __init__(self, sent: bytes) -> None:
        self.sent = sent

    def makefile(self, _: str) -> io.BytesIO:
        """The bytes, as a file."""
        return io.BytesIO(self.sent)


def body_of(url: str, sent: bytes) -> bytes:
    """What a whole response says; ends the run where that is an error."""
    response = HTTPResponse(cast(socket.socket, Kept(sent)))
    response.begin()
    body = response.read()
    if response.status != 200:
        raise SystemExit(f"{url}: {body.decode()[:500]}")
    return body


def answer_of(sent: bytes) -> tuple[str, int]:
    """The text of a streamed completion and its tokens."""
    text, count = "", 0
    for line in sent.decode().splitlines():
        if line.startswith("data: {"):
            chunk = json.loads(line[6:])
            text += "".join(choice["text"] for choice in chunk["choices"])
            count = (chunk.get("usage") or {}).get("completion_tokens", count)
    return text, count


def load(url: str, model: str, count: int, tokens: int) -> tuple[list[str], float, list[float]]:
    """All streams at once: their texts, tokens/s of all together, and the seconds that /health took meanwhile."""
    stop, health = threading.Event(), []

    def watch() -> None:
        with closing(HTTPConnection(url.removeprefix("http://"), timeout=30)) as connection:
            while not stop.wait(0.05):
                begun = time.monotonic()
                connection.request("GET", "/health")
                connection.getresponse().read()
                health.append(time.monotonic() - begun)

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun = time.monotonic()
    sent = streams(url, model, range(count), tokens)
    seconds = time.monotonic() - begun
    stop.set()
    watcher.join()
    answers = list(map(answer_of, sent))
    return [text for text, _ in answers], sum(made for _, made in answers) / seconds, health


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def ours(folder: Path, found: argparse.Namespace) -> tuple[float, float, int]:
    """Tokens/s, the longest wait for /health, and how many texts differ from the request alone."""
    words = [
        sys.executable,
        "-m",
        "causerie.cli.main",
        "serve",
        str(folder),
        "--port",
        "0",
        "--threads",
        str(found.threads),
        "--speculation",
        "off",
    ]
    with served(words, None) as url:
        streams(url, str(folder), [99], 8)
        texts, speed, health = load(url, str(folder), found.streams, found.tokens)
        alone = [
            answer_of(streams(url, str(folder), [place], found.tokens)[0])[0]
            for place in range(min(found.streams, found.alone))
        ]
    return speed, max(health), sum(one != other for one, other in zip(texts, alone, strict=False))


def theirs(file: Path, found: argparse.Namespace) -> float:
    """Tokens/s of llama-server."""
    port = free_port()
    room = found.streams * (found.tokens + 192)
    words = [str(ENVS / "llama_cpp" / "build" / "bin" / "llama-server"), "-m", str(file), "--port", str(port)]
    words += ["-t", str(found.threads), "-np", str(found.streams), "-c", str(room), "--no-warmup"]
    url = f"http://127.0.0.1:{port}"
    with served(words, url):
        streams(url, "x", [99], 8)
        return load(url, "x", found.streams, found.tokens)[1]


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", default="qwen2.5-0.5b", help="a shape that compare.py has prepared")
    options.add_argument("--formats", default="8-bit,4-bit", help="some of bf16, 8-bit, 4-bit")
    options.add_argument("--streams", type=int, default=16)
    options.add_argument("--tokens", type=int, default=64, help="of each answer")
    options.add_argument("--alone", type=int, default=16, help="how many are asked again alone, to compare their texts")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--threads", type=int, default=2)
    found = options.parse_args()
    model = ENVS / "models" / found.model
    rows = []
    for format in found.formats.split(","):
        folder = prepared(model, FORMATS[format])
        file = model.parent / f"{model.name}.{GGUF[format]}.gguf"
        rounds: list[tuple[tuple[float, float, int], float]] = []
        for _ in range(found.rounds):
            rounds.append((ours(folder, found), theirs(file, found)))
            (speed, health, wrong), other = rounds[-1]
            told = f"{format}: causerie {speed:.0f} tokens/s, llama-server {other:.0f}, ratio {speed / other:.2f}"
            print(f"{told}; /health within {health * 1000:.0f} ms; {wrong} texts differ from the request alone")
        row: dict[str, Any] = {"format": format, "streams": found.streams, "tokens": found.tokens}
        row["tokens_per_second"] = statistics.median(one[0] for one, _ in rounds)
        row["llama_server"] = statistics.median(other for _, other in rounds)
        row["ratios"] = [round(one[0] / other, 2) for one, other in rounds]
        row["health_ms"] = round(1000 * max(one[1] for one, _ in rounds))
        row["texts_that_differ"] = sum(one[2] for one, _ in rounds)
        rows.append(row)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
