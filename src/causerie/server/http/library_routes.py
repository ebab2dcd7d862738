"""`/library`: which models this machine has, the hub's, and downloads, so that a page can offer what a terminal does.

Who may choose is said at the start of the server; without that each route is a refusal that says so. Knows no model.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.errors import CauserieError
from causerie.server.http.failure_responses import Refusal, refusal_of
from causerie.server.http.request_body import read_body
from causerie.server.http.route_responses import Answered, json_response
from causerie.server.processes.engine_link import EngineLink
from causerie.server.processes.library.library_link import LibraryLink, ModelDownload

MOST_WORDS = 200  # characters of a search
MOST_NAME = 200
FRESH_SECONDS = 5.0  # in which models that were looked at are not looked at again
MOST_FITS = 500  # models of the hub of which is remembered whether they fit


class LibrarySearch(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body of /library/search."""

    words: str


class LibraryModelBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body of the routes that are about one model."""

    model: str


@dataclass(frozen=True)
class LibraryRights:
    """What may be asked of the server: `choosing` of the models that are on its machine, and `downloads` of others."""

    choosing: bool = False
    downloads: bool = False


@dataclass(frozen=True)
class _Look:
    """A look at the models of this machine: what its answer depends on, when it began, and the answer."""

    subject: tuple[Any, ...]
    since: float
    answer: asyncio.Task[dict[str, Any]]


class LibraryRoutes:
    """The routes. A model that is chosen is added to `served`, the list of the names that requests may have."""

    def __init__(self, library: LibraryLink, engine: EngineLink, served: list[str], rights: LibraryRights) -> None:
        self._library = library
        self._engine = engine
        self._served = served
        self._rights = rights
        self._fits: dict[str, str | None] = {}
        self._offered: set[str] = set()
        self._last_look: _Look | None = None

    def routes(self, answered: Answered) -> list[Route]:
        """All of them, with failures told as the server tells them."""
        return [
            Route("/library", answered(self.offers), methods=["GET"]),
            Route("/library/downloads", answered(self.downloads), methods=["GET"]),
            Route("/library/serve", answered(self.serve), methods=["POST"]),
            Route("/library/search", answered(self.search), methods=["POST"]),
            Route("/library/download", answered(self.download), methods=["POST"]),
            Route("/library/cancel", answered(self.cancel), methods=["POST"]),
        ]

    async def offers(self, _: Request) -> Response:
        """GET /library: who may choose no other sees those that are served."""
        answer = await self._look()
        models = [{**row, "served": row["id"] in self._served} for row in answer["models"]]
        new = answer["larger"]["id"] not in {row["id"] for row in models}
        suggested = [answer["larger"]] if self._rights.downloads and new else []
        self._tell_fits(suggested)
        return json_response(
            {
                "models": models if self._rights.choosing else [row for row in models if row["served"]],
                **self._allowed(),
                "suggested": suggested,
                "measuring": not answer["measured"] and self._library.measure(self._idle),
            }
        )

    async def serve(self, request: Request) -> Response:
        """POST /library/serve: has a model of this machine among those that requests may name."""
        name = (await read_body(request, LibraryModelBody)).model
        await self.take(name)
        return json_response({"model": name, "served": True})

    async def take(self, name: str) -> None:
        """Has a model of this machine served. Raises Refusal where that is not allowed, or there is none that fits."""
        self._check_choosing()
        _check_name(name)
        if name not in self._served:
            if name not in self._offered:  # it may have come since somebody looked
                await self._look()
            if name not in self._offered:
                sentence = f"{name!r} is not among the models that are here and fit; GET /library lists them."
                raise Refusal(404, sentence, param="model", code="model_not_found")
            await self._engine.serve(name)
            if name not in self._served:  # another may have asked for it meanwhile
                self._served.append(name)

    async def search(self, request: Request) -> Response:
        """POST /library/search."""
        self._check_downloads()
        words = (await read_body(request, LibrarySearch)).words.strip()
        if not words or len(words) > MOST_WORDS:
            sentence = f"words has {len(words)} characters; expected a few words, at most {MOST_WORDS} characters."
            raise Refusal(400, sentence, param="words")
        hits = await self._library.search(words, self._spare())
        self._tell_fits(hits)
        return json_response({"models": hits})

    async def downloads(self, _: Request) -> Response:
        """GET /library/downloads, and what is allowed; told to anybody, as it costs nothing."""
        every = [self._described(each) for each in self._library.downloads.values()] if self._rights.choosing else []
        return json_response({"downloads": every, **self._allowed()})

    async def download(self, request: Request) -> Response:
        """POST /library/download: begins one, or goes on with it."""
        return json_response(self._described(self.begin((await read_body(request, LibraryModelBody)).model)))

    def begin(self, name: str) -> ModelDownload:
        """Begins a download, or goes on with it. Raises Refusal where that is not allowed."""
        self._check_downloads()
        _check_name(name)
        return self._library.download(name)

    async def cancel(self, request: Request) -> Response:
        """POST /library/cancel."""
        self._check_downloads()
        name = (await read_body(request, LibraryModelBody)).model
        _check_name(name)
        await self._library.cancel(name)
        return json_response({"model": name, "state": "cancelled"})

    async def _look(self) -> dict[str, Any]:
        """What there is on this machine, for the offers; those that have room may be served from now on. Many who ask
        within moments are told what the first is told."""
        ended = sum(each.state == "done" for each in self._library.downloads.values())
        spare, now = self._spare(), time.monotonic()
        subject = (spare, ended, *self._served)
        look = self._last_look
        if look is None or look.subject != subject or look.since < now - FRESH_SECONDS:
            work = self._library.offers(spare, list(self._served))
            look = self._last_look = _Look(subject, now, asyncio.create_task(work))
        try:
            answer = await asyncio.shield(look.answer)
        except CauserieError:
            self._last_look = None
            raise
        if not answer["measured"]:  # which may be another matter in a moment
            self._last_look = None
        self._offered = {row["id"] for row in answer["models"] if row["fits"] != "too_large"}
        return answer

    def _allowed(self) -> dict[str, bool]:
        return {"may_choose": self._rights.choosing, "may_download": self._rights.downloads}

    def _tell_fits(self, rows: list[dict[str, Any]]) -> None:
        """Keeps whether models fit that may be downloaded next, to say it of the downloads too."""
        self._fits |= {row["id"]: row["fits"] for row in rows}
        while len(self._fits) > MOST_FITS:
            del self._fits[next(iter(self._fits))]

    def _described(self, download: ModelDownload) -> dict[str, Any]:
        fault = None if download.fault is None else refusal_of(download.fault, {}).message
        return {
            "model": download.model,
            "state": download.state,
            "bytes": download.bytes,
            "total": download.total,
            "note": fault or download.note,
            "fits": self._fits.get(download.model),
        }

    def _spare(self) -> int:
        """What the memory of loaded models would give: one that is not used goes where another is to be loaded."""
        return sum(int(state.facts.get("weight_bytes", 0)) for state in self._engine.models.values())

    def _idle(self) -> bool:
        """Whether nothing that the server does needs the machine."""
        loading = any(state.share != 1 for state in self._engine.models.values())
        running = any(each.state == "running" for each in self._library.downloads.values())
        return not (self._engine.jobs or loading or running)

    def _check_choosing(self) -> None:
        if not self._rights.choosing:
            raise Refusal(
                403,
                "This server has the models that were named when it was started. Started without MODEL, or with "
                "--allow-downloads, it lets its users choose others.",
                "permission_error",
            )

    def _check_downloads(self) -> None:
        if not self._rights.downloads:
            raise Refusal(
                403, "This server downloads nothing: it was not started with --allow-downloads.", "permission_error"
            )


def _check_name(name: str) -> None:
    if not name or len(name) > MOST_NAME or not name.isprintable():
        sentence = f"model is {name[:60]!r}; expected a name such as org/name, of at most {MOST_NAME} characters."
        raise Refusal(400, sentence, param="model")
