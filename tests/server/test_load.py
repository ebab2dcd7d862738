"""Many at once and many in a row: every answer is the one that its request gets alone, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.server_process import Server, serving

pytestmark = pytest.mark.slow
STREAMS = 256
MIXED = 3200
AT_ONCE = 32
MOST_GROWTH = 24 << 20  # bytes of all the server's processes over the second half of the mixed requests


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("load"), "--max-requests", str(STREAMS)) as started:
        yield started


def _body(place: int, **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": f"Question {place}: what is {place % 17} and a token?"}]
    return {"model": "builtin", "messages": messages, "temperature": 0, "max_tokens": 12 + place % 20, **fields}


async def _streamed(client: httpx.AsyncClient, body: dict[str, Any]) -> str:
    text = ""
    async with client.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as response:
        assert response.status_code == 200, await response.aread()
        async for line in response.aiter_lines():
            assert '"error"' not in line, line
            if line.startswith('data: {"'):
                text += _content(line)
    return text


def _content(line: str) -> str:
    choices = json.loads(line[6:])["choices"]
    return (choices[0]["delta"].get("content") or "") if choices else ""


def _client(server: Server) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=STREAMS + 8, max_keepalive_connections=8)
    return httpx.AsyncClient(base_url=server.url, timeout=300, limits=limits)


def test_256_streams_at_once_are_each_as_alone(busy: Server) -> None:
    async def run() -> list[int]:
        async with _client(busy) as client:
            together = await asyncio.gather(*(_streamed(client, _body(place)) for place in range(STREAMS)))
            alone = [await _streamed(client, _body(place)) for place in range(STREAMS)]
        return [place for place in range(STREAMS) if together[place] != alone[place]]

    assert asyncio.run(run()) == []


async def _mixed(client: httpx.AsyncClient, chance: random.Random, place: int) -> str:
    """One request of some kind, and how it ended."""
    kind = chance.random()
    if kind < 0.35:
        return "streamed" if await _streamed(client, _body(place % 400)) is not None else "?"
    if kind < 0.6:
        body = _body(place % 400, temperature=0.8, seed=place, n=chance.choice((1, 2)))
        return str((await client.post("/v1/chat/completions", json=body)).status_code)
    if kind < 0.75:  # the client leaves
        try:
            body = _body(place, stream=True, max_tokens=400)
            async with client.stream("POST", "/v1/chat/completions", json=body) as response:
                async for _ in response.aiter_bytes():
                    if chance.random() < 0.3:
                        break
        except httpx.HTTPError:
            return "fault"
        return "left"
    if kind < 0.85:
        format = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"enum": ["yes", "no", place % 7]}}}
        return str((await client.post("/v1/chat/completions", json=_body(place, response_format=format))).status_code)
    if kind < 0.95:
        return str((await client.post("/v1/chat/completions", json=_body(place, **_wrong(chance)))).status_code)
    return str((await client.post("/tokenize", json={"model": "builtin", "prompt": "word " * place})).status_code)


def _wrong(chance: random.Random) -> dict[str, Any]:
    return chance.choice(
        [
            {"temperature": 9},
            {"nonsense": 1},
            {"messages": []},
            {"logit_bias": {"999999": 1}},
            {"response_format": {"type": "regex", "regex": "["}},
            {"messages": [{"role": "user", "content": "word " * 4000}]},
        ]
    )


def _processes(root: int) -> list[int]:
    """A process and all below it."""
    children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    return [root, *(each for child in children for each in _processes(int(child)))]


def _memory(server: Server) -> tuple[int, int]:
    """Bytes of memory and open files of the front and the engine's process."""
    front = server.process.pid
    processes = [front, *(p for p in _processes(front) if "engine_process" in Path(f"/proc/{p}/cmdline").read_text())]
    memory = sum(int(Path(f"/proc/{p}/statm").read_text().split()[1]) * 4096 for p in dict.fromkeys(processes))
    files = sum(len(list(Path(f"/proc/{p}/fd").iterdir())) for p in dict.fromkeys(processes))
    return memory, files


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_thousands_of_mixed_requests_leave_nothing_behind(busy: Server) -> None:
    chance = random.Random(14)

    async def run(first: int, count: int) -> Counter[str]:
        gate = asyncio.Semaphore(AT_ONCE)
        async with _client(busy) as client:

            async def one(place: int) -> str:
                async with gate:
                    return await _mixed(client, chance, place)

            return Counter(await asyncio.gather(*(one(place) for place in range(first, first + count))))

    ends = asyncio.run(run(0, MIXED // 2))
    busy.wait(lambda: busy.metric("jobs") == 0 and busy.metric("used_blocks") == 0)
    memory, files = _memory(busy)
    ends += asyncio.run(run(MIXED // 2, MIXED // 2))
    busy.wait(lambda: busy.metric("jobs") == 0 and busy.metric("used_blocks") == 0)
    more, then = _memory(busy)
    assert not {end for end in ends if end.startswith("5")}, ends
    assert set(ends) <= {"streamed", "200", "400", "left"}, ends
    assert more - memory < MOST_GROWTH, (memory, more)
    assert then <= files + 8
    assert busy.metric("engine_restarts_total") == 0
    assert busy.get("/health").status_code == 200
