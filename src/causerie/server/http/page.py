"""The page at `/`: its files, and the Markdown that it has rendered. Everything it needs comes from this server.

Knows no model: the page talks to the same routes as any client.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.server.http.failure_responses import Refusal
from causerie.server.http.gate import refused
from causerie.server.processes.markdown.renderer import Renderer

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_KINDS = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}
MOST_TEXTS = 16  # of one request
MOST_CHARACTERS = 400_000  # of them together


class RenderBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body of /render: texts in Markdown."""

    texts: list[str]


async def rendered(body: RenderBody, renderer: Renderer) -> dict[str, list[str]]:
    """The texts as safe HTML. Raises Refusal for too many of them, and for too much."""
    if len(body.texts) > MOST_TEXTS:
        raise Refusal(400, f"texts has {len(body.texts)} entries; at most {MOST_TEXTS}.", param="texts")
    length = sum(map(len, body.texts))
    if length > MOST_CHARACTERS:
        sentence = f"texts has {length} characters; at most {MOST_CHARACTERS} in one request. Send fewer at a time."
        raise Refusal(400, sentence, param="texts")
    return {"html": await renderer.html(body.texts)}


def page_routes() -> list[Route]:
    """The page and its files; none of them needs a key, as none says anything about anyone."""
    return [Route("/", _index), Route("/page/{name:path}", _file)]


async def _index(_: Request) -> Response:
    return _response("index.html")


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _files():
        return refused(Refusal(404, f"{request.url.path[:200]} is not a route of this server."), request.url.path)
    return _response(name)


@lru_cache(maxsize=1)
def _files() -> dict[str, Traversable]:
    """The page's files by their paths: what is not among them is not served, however it is spelled."""

    def within(folder: Traversable, before: str) -> Iterator[tuple[str, Traversable]]:
        for entry in folder.iterdir():
            if entry.is_dir():
                yield from within(entry, f"{before}{entry.name}/")
            elif entry.name.rpartition(".")[2] in _KINDS:
                yield before + entry.name, entry

    return dict(within(files("causerie.server") / "web", ""))


def _response(name: str) -> Response:
    return Response(_files()[name].read_bytes(), headers=HEADERS, media_type=_KINDS[name.rpartition(".")[2]])
