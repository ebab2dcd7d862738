"""`/api/…`: Ollama's protocol over HTTP. What its bodies and answers are is protocols/ollama.py's and its neighbours'
affair; answers are given as on the other routes. Knows no model.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from causerie.errors import CauserieError, ContextLengthError
from causerie.server.http.departure import unless_left
from causerie.server.http.failure_responses import FieldNames, Refusal, ollama_body, refusal_of
from causerie.server.http.library_routes import LibraryRoutes
from causerie.server.http.model_memory import unloaded
from causerie.server.http.model_names import ModelNames
from causerie.server.http.model_stays import ModelStays
from causerie.server.http.request_body import read_body
from causerie.server.http.route_responses import GONE, json_response
from causerie.server.http.streaming import Frames, line
from causerie.server.processes.engine_link import EngineLink
from causerie.server.processes.jobs import Load, Order, Render, Text, Tokens
from causerie.server.processes.library.library_link import ModelDownload
from causerie.server.protocols import ollama, ollama_embeddings
from causerie.server.protocols.ollama import OllamaAnswer, OllamaChat, OllamaGenerate, silent_answer
from causerie.server.protocols.ollama_embeddings import OllamaEmbed, OllamaEmbedding, numbers
from causerie.server.protocols.ollama_models import (
    PROTOCOL_VERSION,
    ModelBody,
    hub_name,
    known_name,
    loaded_row,
    not_found,
    shown_model,
    tag_row,
)
from causerie.server.protocols.ollama_time import nanoseconds

Answered = Callable[[Callable[[Request], Any], FieldNames], Callable[[Request], Any]]
Value = Callable[[Request, Callable[[int], Order]], Awaitable[Any]]
Asking = TypeVar("Asking", OllamaChat, OllamaGenerate)

_LOOK_SECONDS = 0.2  # between two looks at how far a download is
_LINES = "application/x-ndjson"
_FRAMES = Frames(line, b"", ollama_body, ollama.FIELD_NAMES, _LINES)
REFUSED = {
    "/api/create": "a model is a folder or a name of the Hugging Face hub: causerie serve MODEL",
    "/api/copy": "another name for a model is given where the server is started",
    "/api/delete": "models are deleted on the server's machine: causerie models rm MODEL",
    "/api/push": "models are sent to the Hugging Face hub by its own program, hf upload",
}
"""Routes of Ollama's that are not done, and what to do instead."""


class OllamaRoutes:
    """The routes. `answer` gives orders and answers with what comes of them, `value` is what an order that is no answer
    gives, both with a place for the client; `names` are those that requests may have."""

    def __init__(
        self,
        link: EngineLink,
        names: ModelNames,
        library: LibraryRoutes,
        answer: Callable[..., Awaitable[Response]],
        value: Value,
    ) -> None:
        self._link = link
        self._names = names
        self._library = library
        self._answer = answer
        self._value = value
        self._stays = ModelStays(link)
        self._began = datetime.now(UTC)  # what clients are told of when a model was made

    def routes(self, answered: Answered) -> list[Route]:
        """All of them, with failures told as Ollama's clients read them."""
        names, inputs = ollama.FIELD_NAMES, ollama_embeddings.FIELD_NAMES
        return [
            Route("/api/chat", answered(self.chat, names), methods=["POST"]),
            Route("/api/generate", answered(self.generate, names), methods=["POST"]),
            Route("/api/embed", answered(self.embed, inputs), methods=["POST"]),
            Route("/api/embeddings", answered(self.embed_one, inputs), methods=["POST"]),
            Route("/api/tags", answered(self.tags, {}), methods=["GET"]),
            Route("/api/ps", answered(self.loaded, {}), methods=["GET"]),
            Route("/api/show", answered(self.show, {}), methods=["POST"]),
            Route("/api/version", answered(self.version, {}), methods=["GET"]),
            Route("/api/pull", answered(self.pull, {}), methods=["POST"]),
            *(Route(path, answered(self.refuse, {}), methods=["POST", "DELETE"]) for path in REFUSED),
        ]

    async def close(self) -> None:
        """Ends what goes on beside requests."""
        await self._stays.close()

    # --- answers ---

    async def chat(self, request: Request) -> Response:
        """POST /api/chat."""
        body = await read_body(request, OllamaChat)
        asked = self._named(body)
        if body.empty:
            return await self._silent(request, body, asked.model)
        return await self._said(request, body, asked.model, asked.orders(), 0.0)

    async def generate(self, request: Request) -> Response:
        """POST /api/generate."""
        body = await read_body(request, OllamaGenerate)
        asked = self._named(body)
        if body.empty:
            return await self._silent(request, body, asked.model)
        asked.orders()  # what is wrong with the body is said before a model is loaded
        loading = await self._loaded(request, asked.model)
        if loading is None:
            return GONE
        orders = asked.orders(templated=self._link.facts(asked.model).get("chats", True))
        return await self._said(request, body, asked.model, orders, loading)

    async def _said(
        self, request: Request, body: OllamaChat | OllamaGenerate, model: str, orders: Any, loading: float
    ) -> Response:
        answer = OllamaAnswer(body, lambda: self._link.facts(model).get("context"), loading)
        response = await self._answer(request, orders, answer, _FRAMES, stream=body.stream)
        self._stays.keep(model, body.stay)
        return response

    async def _silent(self, request: Request, body: OllamaChat | OllamaGenerate, model: str) -> Response:
        """A request that asks nothing loads its model, or unloads it."""
        body.check()
        if body.stay == 0:
            try:
                await unloaded(self._link, model)
            except CauserieError:  # it is used
                self._stays.keep(model, 0)
            return json_response(silent_answer(body, "unload"))
        if await self._loaded(request, model) is None:
            return GONE
        self._stays.keep(model, body.stay)
        return json_response(silent_answer(body, "load"))

    def _named(self, body: Asking) -> Asking:
        """The body with the name that its model has here."""
        return msgspec.structs.replace(body, model=self._model(body.model))

    async def _loaded(self, request: Request, model: str) -> float | None:
        """Has a model loaded, and gives the seconds that it took; None where the client goes first."""
        began = time.monotonic()
        if model in self._link.loaded:
            return 0.0

        async def load() -> float:
            await self._link.value(lambda job: Load(job, model))
            return time.monotonic() - began

        return await unless_left(request, load())

    # --- embeddings ---

    async def embed(self, request: Request) -> Response:
        """POST /api/embed."""
        body = await read_body(request, OllamaEmbed)
        answer = await self._embedded(request, body)
        return GONE if answer is None else json_response(answer)

    async def embed_one(self, request: Request) -> Response:
        """POST /api/embeddings."""
        body = (await read_body(request, OllamaEmbedding)).embed()
        answer = await self._embedded(request, body)
        return GONE if answer is None else json_response({"embedding": next(iter(answer["embeddings"]), [])})

    async def _embedded(self, request: Request, body: OllamaEmbed) -> dict[str, Any] | None:
        """The answer of /api/embed; None where the client goes first."""
        began, model = time.monotonic(), self._model(body.model)
        texts = body.texts()
        loading = await self._loaded(request, model)
        if loading is None:
            return None
        result: Any = {"embeddings": [], "tokens": 0}
        if texts:
            result = await unless_left(
                request, self._vectors(request, msgspec.structs.replace(body, model=model), texts)
            )
        self._stays.keep(model, body.stay)
        if result is None:
            return None
        return {
            "model": body.model,
            "embeddings": numbers(result),
            "total_duration": nanoseconds(time.monotonic() - began),
            "load_duration": nanoseconds(loading),
            "prompt_eval_count": result["tokens"],
        }

    async def _vectors(self, request: Request, body: OllamaEmbed, texts: list[Text]) -> Any:
        """What the engine makes of texts, each as far as the context reaches where that is asked."""
        try:
            return await self._value(request, body.order(texts))
        except ContextLengthError:
            most = self._link.facts(body.model).get("context")
            if not body.truncate or most is None:
                raise
        prompts = [Tokens((await self._tokens(request, body.model, text))[:most]) for text in texts]
        return await self._value(request, body.order(prompts))

    async def _tokens(self, request: Request, model: str, text: Text) -> list[int]:
        rendering = await self._value(request, lambda job: Render(job, model, text))
        return list(rendering["tokens"])

    # --- models ---

    async def tags(self, _: Request) -> Response:
        """GET /api/tags."""
        return json_response(
            {"models": [tag_row(name, self._link.facts(self._model(name)), self._began) for name in self._known]}
        )

    async def loaded(self, _: Request) -> Response:
        """GET /api/ps."""
        rows = [loaded_row(name, self._link.facts(name), self._stays.expiry(name)) for name in self._link.loaded]
        return json_response({"models": rows})

    async def show(self, request: Request) -> Response:
        """POST /api/show."""
        body = await read_body(request, ModelBody)
        return json_response(shown_model(self._link.facts(self._model(body.asked)), self._began))

    async def version(self, _: Request) -> Response:
        """GET /api/version."""
        return json_response({"version": PROTOCOL_VERSION})

    async def pull(self, request: Request) -> Response:
        """POST /api/pull: begins a download, or goes on with it, and has its model served."""
        body = await read_body(request, ModelBody)
        events = self._pulled(await self._download(body.asked))
        if body.stream:
            return StreamingResponse((line(event) async for event in events), media_type=_LINES)
        last = [event async for event in events][-1]
        return json_response(last, 500 if "error" in last else 200)

    async def _download(self, asked: str) -> ModelDownload | None:
        """The download of a model; None where it is served, or was on this machine and is served now."""
        if known_name(asked, self._known) is not None:
            return None
        name = hub_name(asked)
        try:
            await self._library.take(name)
        except Refusal as refusal:
            if refusal.status != 404:
                raise
            return self._library.begin(name)
        return None

    async def _pulled(self, download: ModelDownload | None) -> AsyncIterator[dict[str, Any]]:
        """The lines of a download. Whoever leaves lets it go on."""
        yield {"status": "pulling manifest"}
        if download is not None:
            while download.state == "running":
                if download.total:
                    amounts = {"total": download.total, "completed": download.bytes}
                    yield {"status": f"pulling {download.model}", "digest": download.model, **amounts}
                await asyncio.sleep(_LOOK_SECONDS)
            if download.state != "done":
                fault = download.fault
                yield {"error": "The download was cancelled." if fault is None else refusal_of(fault, {}).message}
                return
            try:
                await self._library.take(download.model)
            except Refusal as refusal:
                yield ollama_body(refusal)
                return
            except CauserieError as error:
                yield ollama_body(refusal_of(error, {}))
                return
        yield {"status": "success"}

    async def refuse(self, request: Request) -> Response:
        """What is not done."""
        path = request.url.path
        raise Refusal(400, f"{path} is not done here: {REFUSED[path]}.", code="unsupported")

    @property
    def _known(self) -> list[str]:
        return [*self._names.served, *self._names.aliases]

    def _model(self, asked: str) -> str:
        """The served model that a request means. Raises Refusal."""
        name = known_name(asked, self._known)
        if name is None and asked and not self._names.any_name:
            raise not_found(asked, self._known)
        return self._names.model(name or asked or None, self._link.loaded)
