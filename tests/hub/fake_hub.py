"""A hub on this machine with the shapes of the real one's API, and every way to answer wrongly that a test asks for.

Two servers: the hub, and the store that it redirects to for large files, which is another host. A test names the hub by
`url` (as HF_ENDPOINT or an argument), and may set `fault`, which sees each exchange first and may answer it itself.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".safetensors", ".gguf", ".bin")


def git_hash(content: bytes) -> str:
    """What git calls a file with this content."""
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


def etag_of(name: str, content: bytes) -> str:
    """How the hub names the content of a file."""
    return hashlib.sha256(content).hexdigest() if name.endswith(LARGE) else git_hash(content)


@dataclass
class FakeRepository:
    """A model: its commits, where its branches are, and what its page says."""

    name: str
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    gated: bool = False

    def commit(self, files: Mapping[str, bytes], branch: str = "main") -> str:
        """Puts files on a branch; the name of the commit."""
        sha = hashlib.sha1(f"{self.name} {len(self.commits)} {sorted(files)}".encode()).hexdigest()
        self.commits[sha] = dict(files)
        self.revisions[branch] = sha
        return sha

    def described(self, sha: str, blobs: bool) -> dict[str, Any]:
        siblings: list[dict[str, Any]] = []
        for name, content in self.commits[sha].items():
            entry: dict[str, Any] = {"rfilename": name}
            if blobs:
                entry |= {"size": len(content), "blobId": git_hash(content)}
                if name.endswith(LARGE):
                    sha256 = hashlib.sha256(content).hexdigest()
                    entry["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 134}
            siblings.append(entry)
        known = {"id": self.name, "modelId": self.name, "sha": sha, "siblings": siblings, "tags": [], "downloads": 0}
        return {**known, "likes": 0, "private": False, "gated": "manual" if self.gated else False, **self.facts}


@dataclass
class Exchange:
    """One request. A fault answers it by `answer` or `send`, or lets it be."""

    handler: BaseHTTPRequestHandler
    kind: str
    """"api", "file" (the hub's own answer for a file) or "store" (where large files come from)."""
    name: str
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def range(self) -> tuple[int, int] | None:
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.handler.headers.get("Range", ""))
        return (int(match[1]), int(match[2] or len(self.content) - 1) + 1) if match else None

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bool:
        """The whole answer; a Content-Length among `headers` stands for the true one."""
        handler, sent = self.handler, {"Content-Length": str(len(body)), **(headers or {})}
        handler.send_response(status)
        for name, value in sent.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(body)
        return True

    def send(self, content: bytes | None = None, *, most: int | None = None) -> bool:
        """The content that was asked for, by ranges; `most` cuts the connection after that many bytes."""
        content = self.content if content is None else content
        begin, end = self.range or (0, len(content))
        if begin > 0 and begin >= len(content):
            return self.answer(416, b"", self.headers | {"Content-Range": f"bytes */{len(content)}"})
        body = content[begin:end]
        headers = self.headers | {"Content-Length": str(len(body)), "Accept-Ranges": "bytes"}
        if self.range:
            headers["Content-Range"] = f"bytes {begin}-{begin + len(body) - 1}/{len(content)}"
        if most is not None and most < len(body):
            self.handler.close_connection = True
            body = body[:most]
        return self.answer(206 if self.range else 200, body, headers)


Fault = Callable[[Exchange], bool]


def times(count: int, fault: Fault) -> Fault:
    """A fault that happens that often at most; how it answers itself says whether it happened."""
    left, lock = [count], threading.Lock()

    def limited(exchange: Exchange) -> bool:
        with lock:
            left[0] -= 1
            spent = left[0] < 0
        if spent or not fault(exchange):
            left[0] += 1
            return False
        return True

    return limited


def on(kind: str, then: Fault) -> Fault:
    """A fault of one kind of exchange alone."""
    return lambda exchange: exchange.kind == kind and then(exchange)


class FakeHub:
    """The hub and its store. `served` are the names of files that were sent, `sent` counts their bytes."""

    def __init__(self) -> None:
        self.url = ""
        self.store_url = ""
        self.repositories: dict[str, FakeRepository] = {}
        self.scores: dict[str, list[dict[str, Any]]] = {}
        """The leaderboard of a benchmark, by the id of its dataset."""
        self.fault: Fault | None = None
        self.token: str | None = None
        """The only token that is good, where one is needed."""
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        """Kind, path and headers of each."""
        self.served: list[str] = []
        self.sent = 0
        self._lock = threading.Lock()

    def add(self, name: str, files: Mapping[str, bytes], **facts: Any) -> FakeRepository:
        """A model with one commit on main."""
        repository = self.repositories[name] = FakeRepository(name, facts=facts)
        repository.commit(files)
        return repository

    def note(self, kind: str, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            headers = {name.lower(): value for name, value in handler.headers.items()}
            self.requests.append((kind, handler.path, headers))

    def note_sent(self, name: str, nbytes: int) -> None:
        with self._lock:
            self.sent += nbytes
            if name not in self.served:
                self.served.append(name)

    def respond(self, handler: BaseHTTPRequestHandler, store: bool) -> str:
        """Answers a request to the hub, or to the store; the name of what was asked for."""
        url = urlsplit(handler.path)
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        query = parse_qs(url.query)
        kind = "store" if store else "api" if parts[0] == "api" else "file"
        self.note(kind, handler)
        exchange = Exchange(handler, kind, parts[-1])
        if store:
            exchange.name, exchange.content = self._stored(parts[-1])
        elif kind == "file" and not self._find_file(exchange, parts):
            return exchange.name
        if self.fault is not None and self.fault(exchange):
            return exchange.name
        if kind == "api":
            self._api(exchange, parts[1:], query)
        elif kind == "file" and exchange.name.endswith(LARGE):
            target = f"{self.store_url}/{etag_of(exchange.name, exchange.content)}?signature=secret"
            exchange.answer(302, b"", exchange.headers | {"Location": target})
        else:
            exchange.send()
        return exchange.name

    def _stored(self, etag: str) -> tuple[str, bytes]:
        """The file with that hash."""
        for repository in self.repositories.values():
            for files in repository.commits.values():
                for name, content in files.items():
                    if hashlib.sha256(content).hexdigest() == etag:
                        return name, content
        return etag, b""

    def _find_file(self, exchange: Exchange, parts: list[str]) -> bool:
        """Sets the content of a file that is there, and answers for one that is not."""
        repository = self._repository(exchange, "/".join(parts[:2]))
        if repository is None:
            return False
        if repository.gated and not self._knows(exchange):
            exchange.answer(401, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
            return False
        sha = repository.revisions.get(parts[3], parts[3])
        files = repository.commits.get(sha)
        name = "/".join(parts[4:])
        if files is None or name not in files:
            exchange.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound" if files is None else "EntryNotFound"})
            return False
        exchange.name, exchange.content = name, files[name]
        etag, large = etag_of(name, files[name]), name.endswith(LARGE)
        exchange.headers = {"X-Repo-Commit": sha, "ETag": f'"{etag}"'}
        if large:
            exchange.headers |= {"X-Linked-ETag": f'"{etag}"', "X-Linked-Size": str(len(files[name]))}
        return True

    def _knows(self, exchange: Exchange) -> bool:
        given = exchange.handler.headers.get("Authorization")
        return self.token is not None and given == f"Bearer {self.token}"

    def _repository(self, exchange: Exchange, name: str) -> FakeRepository | None:
        repository = self.repositories.get(name)
        if repository is None:
            exchange.answer(404, b'{"error":"Repository not found"}', {"X-Error-Code": "RepoNotFound"})
        return repository

    def _api(self, exchange: Exchange, parts: list[str], query: dict[str, list[str]]) -> None:
        if parts[0] == "datasets" and parts[-1] == "leaderboard":
            rows = self.scores.get("/".join(parts[1:3]))
            if rows is None:
                exchange.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
            else:
                self._json(exchange, rows)
        elif parts == ["models"]:
            self._json(exchange, self._search(query))
        elif parts[0] == "models" and (repository := self._repository(exchange, "/".join(parts[1:3]))):
            revision = parts[4] if parts[3:4] in (["revision"], ["tree"]) else "main"
            sha = repository.revisions.get(revision, revision)
            if sha not in repository.commits:
                exchange.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            elif parts[3:4] == ["tree"]:
                self._json(exchange, [_in_tree(entry) for entry in repository.described(sha, True)["siblings"]])
            else:
                self._json(exchange, repository.described(sha, "blobs" in query))

    def _search(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        """Models whose id has the words, that have all filters, in the order that was asked for."""
        word = query.get("search", [""])[0].casefold()
        wanted = [*query.get("filter", []), *query.get("pipeline_tag", [])]
        rows = [each.described(each.revisions["main"], False) for each in self.repositories.values()]
        rows = [row for row in rows if word in row["id"].casefold()]
        rows = [row for row in rows if all(tag in [*row["tags"], row.get("pipeline_tag")] for tag in wanted)]
        rows.sort(key=lambda row: -row.get(query.get("sort", ["trendingScore"])[0], 0))
        return rows[: int(query.get("limit", ["1000"])[0])]

    def _json(self, exchange: Exchange, value: Any) -> None:
        exchange.answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _in_tree(entry: dict[str, Any]) -> dict[str, Any]:
    """A file as /tree/ lists it."""
    listed = {"type": "file", "path": entry["rfilename"], "size": entry["size"], "oid": entry["blobId"]}
    if "lfs" in entry:
        listed["lfs"] = {"oid": entry["lfs"]["sha256"], "size": entry["size"], "pointerSize": 134}
    return listed


class _Counter:
    """Where a handler writes, and how much it has written."""

    def __init__(self, out: Any) -> None:
        self.out = out
        self.sizes: list[int] = []

    def write(self, data: bytes) -> None:
        self.out.write(data)
        self.sizes.append(len(data))

    def flush(self) -> None:
        self.out.flush()


def _handler(hub: FakeHub, store: bool) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None: ...

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            counter = _Counter(self.wfile)
            self.wfile = counter  # type: ignore[assignment]
            name = ""
            try:
                name = hub.respond(self, store)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True
            finally:
                self.wfile = counter.out
                body = sum(counter.sizes[1:])  # the first write is the head
                if body and not self.path.startswith("/api"):
                    hub.note_sent(name, body)

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that are killed are what tests are about."""


@contextmanager
def running_hub() -> Iterator[FakeHub]:
    """A hub that serves until the block is left."""
    hub = FakeHub()
    servers = [_Server(("127.0.0.1", 0), _handler(hub, store)) for store in (False, True)]
    hub.url, hub.store_url = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    threads = [
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True) for server in servers
    ]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()
