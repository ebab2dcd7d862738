"""The page at `/`: its files, and the Markdown that it has rendered here. Everything it needs comes from this server.

Knows no model: the page talks to the same routes as any client.
"""

from __future__ import annotations

import asyncio
from importlib.resources import files

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.server.failure_responses import Refusal
from causerie.server.gate import refused

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
FILES = ("icon.svg", "page.css", "page.js", "server.js", "settings.js", "store.js", "view.js")
MOST_TEXTS = 16


class RenderBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body of /render: texts in Markdown."""

    texts: list[str]


async def rendered(body: RenderBody) -> dict[str, list[str]]:
    """The texts as safe HTML. Raises Refusal for too many of them."""
    from causerie.server.markdown import to_html

    if len(body.texts) > MOST_TEXTS:
        raise Refusal(400, f"texts has {len(body.texts)} entries; at most {MOST_TEXTS}.", param="texts")
    return {"html": await asyncio.to_thread(lambda: [to_html(text) for text in body.texts])}


def page_routes() -> list[Route]:
    """The page and its files; none of them needs a key, as none says anything about anyone."""
    return [Route("/", _index), Route("/page/{name}", _file)]


async def _index(_: Request) -> Response:
    return _response("index.html")


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name == "code.css":
        from causerie.server.markdown import code_style

        return Response(code_style(), headers=HEADERS, media_type="text/css")
    if name not in FILES:
        return refused(Refusal(404, f"{request.url.path[:200]} is not a route of this server."))
    return _response(name)


def _response(name: str) -> Response:
    content = (files("causerie.server") / "web" / name).read_bytes()
    return Response(content, headers=HEADERS, media_type=_KINDS[name.rpartition(".")[2]])
