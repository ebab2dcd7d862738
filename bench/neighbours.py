"""Bad neighbours: requests that ask for too much, beside a stream that asks for nothing special. Prints for each how
long `/health` took at most, how long that stream waited for its next token at most, and what the bad requests got.

    python bench/neighbours.py              the built-in model, and one whose template never ends
    python bench/neighbours.py --only grammar

Measures a server from outside and knows no part of the program. Its clients run on the same cores as the server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

LOOP = "{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3
SECONDS = 60.0  # for one kind of bad request
HONEST = "honest"
BAD = "bad"


@dataclass
class Client:
    """Speaks HTTP to one server."""

    host: str
    port: int

    async def send(self, path: str, body: bytes | None, key: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection on which a request has been written."""
        reader, writer = await asyncio.open_connection(self.host, self.port, limit=1 << 22)
        method = "GET" if body is None else "POST"
        head = f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"\r\n" + (body or b""))
        return reader, writer

    async def ask(self, path: str, body: bytes | None = None, key: str = BAD) -> tuple[int, bytes]:
        """The status and the rest of a response."""
        reader, writer = await self.send(path, body, key)
        try:
            response = await reader.read()
            return int(response[9:12] or b"0"), response
        finally:
            writer.close()

    async def chat(self, text: str, model: str = "builtin", **fields: Any) -> int:
        """The status of an answer to one message."""
        return (await self.ask("/v1/chat/completions", chat_body(text, model, **fields)))[0]


def chat_body(text: str, model: str = "builtin", **fields: Any) -> bytes:
    """A request for a short answer."""
    body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 8, "temperature": 0}
    return json.dumps({**body, **fields}).encode()


@dataclass
class Watch:
    """What honest clients see while bad ones are there."""

    health: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    async def stream(self, client: Client) -> None:
        """One long answer after the other; the pauses between its tokens."""
        while True:
            body = chat_body("Tell a story.", stream=True, max_tokens=1500, logit_bias={"2": -100})
            reader, writer = await client.send("/v1/chat/completions", body, HONEST)
            last: float | None = None
            try:
                while piece := await reader.read(1 << 16):
                    now = time.perf_counter()
                    if last is not None:
                        self.gaps.append(now - last)
                    last = now
                    if b'"error"' in piece:
                        self.failures.append(piece.decode(errors="replace")[:200])
            finally:
                writer.close()

    async def probe(self, client: Client) -> None:
        """/health, again and again."""
        while True:
            begun = time.perf_counter()
            status, _ = await client.ask("/health", key=HONEST)
            self.health.append(time.perf_counter() - begun)
            if status != 200:
                self.failures.append(f"/health says {status}")
            await asyncio.sleep(0.05)


Attack = Callable[[Client], Awaitable[Counter[Any]]]


async def _all(*asked: Awaitable[Any]) -> Counter[Any]:
    """The statuses of requests made at once; "late" for those that took too long."""

    async def one(request: Awaitable[Any]) -> Any:
        try:
            answer = await asyncio.wait_for(request, SECONDS)
        except TimeoutError:
            return "late"
        except OSError as fault:
            return type(fault).__name__
        return answer[0] if isinstance(answer, tuple) else answer

    return Counter(await asyncio.gather(*map(one, asked)))


async def nothing(_: Client) -> Counter[Any]:
    """What the machine gives without any bad request."""
    await asyncio.sleep(5)
    return Counter()


async def schemas(client: Client) -> Counter[Any]:
    """A schema whose definitions lead to each other 1,000 times."""
    definitions: dict[str, Any] = {
        f"d{place}": {"properties": {"a": {"$ref": f"#/$defs/d{place + 1}"}}} for place in range(1000)
    }
    schema = {"$ref": "#/$defs/d0", "$defs": {**definitions, "d1000": {"type": "string"}}}
    format = {"type": "json_schema", "json_schema": {"name": "chain", "schema": schema}}
    return await _all(*(client.chat("Hi", response_format=format) for _ in range(4)))


async def grammar(client: Client) -> Counter[Any]:
    """A Lark grammar of 4,000 rules in a chain, and one of 190 rules, which is allowed."""

    def rules(count: int) -> dict[str, Any]:
        chain = "".join(f'r{place}: "a" r{place + 1}\n' for place in range(count))
        return {"type": "grammar", "grammar": f"start: r0\n{chain}r{count}: /b/\n"}

    return await _all(*(client.chat("Hi", response_format=rules(count)) for count in (4000, 190, 4000, 190)))


async def regex(client: Client) -> Counter[Any]:
    """Eight regular expressions of 198 KB."""
    format = {"type": "regex", "regex": "(a|b)*" * 33_000}
    return await _all(*(client.chat("Hi", response_format=format) for _ in range(8)))


async def heavy_schemas(client: Client) -> Counter[Any]:
    """Sixteen schemas as large as is allowed."""
    properties = {f"p{place}": {"type": "string", "pattern": "^(a|b)*[a-z]{1,500}$"} for place in range(900)}

    def format(place: int) -> dict[str, Any]:
        schema = {"type": "object", "properties": properties, "title": str(place)}
        return {"type": "json_schema", "json_schema": {"name": "wide", "schema": schema}}

    return await _all(*(client.chat("Hi", response_format=format(place)) for place in range(16)))


async def long_messages(client: Client) -> Counter[Any]:
    """Three messages of 7.5 MB, and short ones beside them."""
    long = [client.chat("1" * 7_500_000) for _ in range(3)]
    return await _all(*long, *(client.chat("hi") for _ in range(5)))


async def endless_template(client: Client) -> Counter[Any]:
    """Another model's template that never ends, and clients that leave while it runs."""

    async def leave() -> str:
        _, writer = await client.send("/v1/chat/completions", chat_body("Hi", "endless"), BAD)
        await asyncio.sleep(0.5)
        writer.close()
        return "left"

    asked = [client.chat("Hi", "endless") for _ in range(4)]
    return await _all(*asked, *(leave() for _ in range(4)), *(client.chat("hi") for _ in range(5)))


async def bodies(client: Client) -> Counter[Any]:
    """Bodies of 8 MB: empty lists, numbers, brackets, backslashes."""
    texts = [b"[" + b"[]," * 2_600_000 + b"1]", b"[" + b"1," * 3_900_000 + b"1]", b"[" * 8_000_000]
    texts.append(chat_body("\\" * 3_900_000))
    return await _all(*(client.ask("/v1/chat/completions", text) for text in texts * 2))


async def tokenize(client: Client) -> Counter[Any]:
    """/tokenize of 7.5 MB, twice, and /detokenize of a million tokens."""
    long = json.dumps({"model": "builtin", "prompt": "1" * 7_500_000}).encode()
    tokens = json.dumps({"model": "builtin", "tokens": [300] * 1_000_000}).encode()
    return await _all(client.ask("/tokenize", long), client.ask("/tokenize", long), client.ask("/detokenize", tokens))


async def render(client: Client) -> Counter[Any]:
    """/render of eight texts of 180 KB."""
    body = json.dumps({"texts": ["*a* `b` [c](d) " * 12_000] * 8}).encode()
    return await _all(client.ask("/render", body), client.ask("/render", body))


async def slow_readers(client: Client) -> Counter[Any]:
    """Thirty clients that read nothing of what they asked for."""
    body = chat_body("Tell a story.", stream=True, max_tokens=1500, logprobs=True, top_logprobs=20)
    held = [await client.send("/v1/chat/completions", body, BAD) for _ in range(30)]
    await asyncio.sleep(10)
    for _, writer in held:
        writer.close()
    return Counter({"left": len(held)})


async def crowd(client: Client) -> Counter[Any]:
    """Two hundred requests of one client, longer than the cache."""
    asked = (client.chat(f"{place} " + "word " * 100, max_tokens=64) for place in range(200))
    return await _all(*asked)


ATTACKS: dict[str, Attack] = {
    attack.__name__: attack
    for attack in (
        nothing,
        schemas,
        grammar,
        regex,
        heavy_schemas,
        long_messages,
        endless_template,
        bodies,
        tokenize,
        render,
        slow_readers,
        crowd,
    )
}


def endless_model(folder: Path) -> Path:
    """A copy of the built-in model whose chat template never ends."""
    import causerie

    made = folder / "endless"
    shutil.copytree(causerie.builtin_model_path(), made)
    (made / "chat_template.jinja").write_text(LOOP)
    return made


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Client]:
    """A server of the built-in model and the endless one."""
    keys, log = folder / "keys", folder / "log"
    keys.write_text(f"{HONEST}\n{BAD}\n")
    (folder / "endless").exists() or endless_model(folder)
    command = [sys.executable, "-m", "causerie.cli.main", "serve", "builtin", "endless", "--port", "0"]
    command += ["--api-key-file", str(keys), "--max-requests", "256"]
    with log.open("w") as out:
        process = subprocess.Popen(command, stderr=out, cwd=folder)
    try:
        while (address := re.search(r"on http://(\S+):(\d+)/v1", log.read_text())) is None:
            await asyncio.sleep(0.1)
        client = Client(address[1], int(address[2]))
        while True:
            with suppress(OSError):
                if (await client.ask("/health"))[0] == 200 and await client.chat("hi") == 200:
                    break
            await asyncio.sleep(0.2)
        yield client
    finally:
        process.terminate()
        process.wait()


def attacked(client: Client, name: str) -> Counter[Any]:
    """What an attack gets; in a process of its own, so that making its requests delays nobody who is watched."""
    return asyncio.run(_got(client, name))


async def _got(client: Client, name: str) -> Counter[Any]:
    return await ATTACKS[name](client)


async def measured(client: Client, name: str, attacker: ProcessPoolExecutor) -> tuple[Watch, Counter[Any], float]:
    """What honest clients see during an attack, what it got, and how long it took."""
    watch = Watch()
    honest = [asyncio.create_task(watch.stream(client)), asyncio.create_task(watch.probe(client))]
    await asyncio.sleep(1)
    begun = time.perf_counter()
    got = await asyncio.get_running_loop().run_in_executor(attacker, attacked, client, name)
    took = time.perf_counter() - begun
    await asyncio.sleep(1)
    for task in honest:
        task.cancel()
    await asyncio.gather(*honest, return_exceptions=True)
    return watch, got, took


async def run(names: list[str]) -> list[dict[str, Any]]:
    """A row for each attack, all on one server."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(1, get_context("spawn")) as attacker:
        async with serving(Path(folder)) as client:
            print(f"{'':18}{'health':>9}{'gap':>9}{'took':>8}  got")
            for name in names:
                watch, got, took = await measured(client, name, attacker)
                health, gap = max(watch.health, default=0.0), max(watch.gaps, default=0.0)
                told = ", ".join(f"{count} x {status}" for status, count in got.items())
                print(f"{name:18}{1e3 * health:6.0f} ms{1e3 * gap:6.0f} ms{took:6.1f} s  {told}", *watch.failures[:3])
                rows.append({"name": name, "health_ms": 1e3 * health, "gap_ms": 1e3 * gap, "seconds": took})
                rows[-1] |= {"got": {str(status): count for status, count in got.items()}, "failures": watch.failures}
    return rows


def main() -> None:
    """Reads which attacks are wanted and prints a table, and as its last line the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=ATTACKS, help="one kind of bad request (repeat)")
    print(json.dumps(asyncio.run(run(parser.parse_args().only or list(ATTACKS)))))


if __name__ == "__main__":
    main()
