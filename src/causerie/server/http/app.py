"""The routes: HTTP to orders, events to HTTP. Knows no model; what an answer looks like is chat_completions.py's."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from causerie.errors import CauserieError
from causerie.server.http.admission import Admission
from causerie.server.http.chat_routes import ChatRoutes
from causerie.server.http.departure import unless_left
from causerie.server.http.failure_responses import FieldNames, Refusal, anthropic_body, refusal_of
from causerie.server.http.file_routes import FileRoutes
from causerie.server.http.gate import Gate, client_of, guarded, refused
from causerie.server.http.kept_chats import KeptChats
from causerie.server.http.latencies import Latencies, TimedAnswer
from causerie.server.http.library_routes import LibraryRights, LibraryRoutes
from causerie.server.http.load_progress import LoadBody, amounts, progress
from causerie.server.http.model_memory import memory_figures, unloaded
from causerie.server.http.model_names import ModelNames
from causerie.server.http.ollama_routes import OllamaRoutes
from causerie.server.http.openapi import document
from causerie.server.http.page import RenderBody, page_routes, rendered
from causerie.server.http.request_body import read_body
from causerie.server.http.route_responses import GONE, json_response
from causerie.server.http.state_routes import StateRoutes
from causerie.server.http.streaming import (
    DONE,
    Frames,
    ProtocolAnswer,
    named_event,
    plain_event,
    read_all,
    response_error,
    stream_of,
)
from causerie.server.http.tool_routes import ToolRoutes
from causerie.server.processes.backlog import Backlog
from causerie.server.processes.documents.document_reader import DocumentReader
from causerie.server.processes.engine_link import EngineLink
from causerie.server.processes.jobs import Detokenize, Embed, Generate, Order, Render, Text
from causerie.server.processes.library.library_link import LibraryLink
from causerie.server.processes.markdown.renderer import Renderer
from causerie.server.protocols import chat_completions, completions, messages, responses
from causerie.server.protocols.chat_completions import ChatCompletion, ChatCompletionRequest
from causerie.server.protocols.completions import Completion, CompletionRequest
from causerie.server.protocols.embeddings import EmbeddingRequest
from causerie.server.protocols.messages import CountRequest, MessagesAnswer, MessagesRequest
from causerie.server.protocols.responses import ResponsesAnswer, ResponsesRequest
from causerie.server.protocols.text_bodies import ApplyTemplate, DetokenizeBody, Tokenize
from causerie.tools.toolbox import Toolbox

Asked = TypeVar("Asked", Generate, Embed)
Naming = TypeVar(
    "Naming",
    ChatCompletionRequest,
    CompletionRequest,
    ResponsesRequest,
    MessagesRequest,
    CountRequest,
    EmbeddingRequest,
    LoadBody,
    Tokenize,
    DetokenizeBody,
    ApplyTemplate,
)
_CHAT = Frames(plain_event, DONE, Refusal.body, chat_completions.FIELD_NAMES)
_COMPLETION = Frames(plain_event, DONE, Refusal.body, completions.FIELD_NAMES)
_RESPONSE = Frames(named_event, b"", response_error, responses.FIELD_NAMES)
_MESSAGE = Frames(named_event, b"", anthropic_body, messages.FIELD_NAMES)


class Application:
    """The routes over one link to the engine. `most_jobs` run or wait at once."""

    def __init__(
        self,
        link: EngineLink,
        models: list[str],
        most_jobs: int,
        library: LibraryLink | None = None,
        rights: LibraryRights | None = None,
        chats: KeptChats | None = None,
        toolbox: Toolbox | None = None,
        aliases: Mapping[str, str] = MappingProxyType({}),
        any_name: bool = False,
    ) -> None:
        self._link = link
        self._models = list(models)
        self._names = ModelNames(self._models, aliases, any_name)
        self._library = library or LibraryLink()
        self._choosing = LibraryRoutes(self._library, link, self._models, rights or LibraryRights())
        self._chats = ChatRoutes(chats)
        self._tools = ToolRoutes(toolbox)
        self._files = FileRoutes(DocumentReader())
        self._latencies = Latencies()
        self._state = StateRoutes(link, self._latencies)
        self._ollama = OllamaRoutes(link, self._names, self._choosing, self._answer, self._value)
        self._began = int(time.time())  # what clients are told of when a model was made
        self._admission = Admission(most_jobs)
        self._renderer = Renderer()

    def asgi(self, gate: Gate) -> Any:
        """The ASGI application, guarded."""

        @asynccontextmanager
        async def running(_: Starlette) -> AsyncIterator[None]:
            await self._link.start()
            yield
            await self._ollama.close()
            await self._library.close()
            await self._link.close()
            await self._renderer.close()

        routes = [
            Route("/v1/chat/completions", self._answered(self.chat, _CHAT.names), methods=["POST"]),
            Route("/v1/completions", self._answered(self.complete, _COMPLETION.names), methods=["POST"]),
            Route("/v1/responses", self._answered(self.respond, _RESPONSE.names), methods=["POST"]),
            Route("/v1/messages", self._answered(self.message, _MESSAGE.names), methods=["POST"]),
            Route("/v1/messages/count_tokens", self._answered(self.count, _MESSAGE.names), methods=["POST"]),
            Route("/v1/embeddings", self._answered(self.embed, {"prompt": "input"}), methods=["POST"]),
            Route("/v1/models", self._answered(self.models), methods=["GET"]),
            Route("/v1/models/", self._answered(self.models), methods=["GET"]),  # which is no model without a name
            Route("/v1/models/{model:path}", self._answered(self.model), methods=["GET"]),
            Route("/load_model", self._answered(self.load), methods=["POST"]),
            Route("/unload_model", self._answered(self.unload), methods=["POST"]),
            Route("/memory", self._answered(self.memory), methods=["GET"]),
            Route("/tokenize", self._answered(self.tokenize), methods=["POST"]),
            Route("/detokenize", self._answered(self.detokenize, {"prompt": "tokens"}), methods=["POST"]),
            Route("/apply-template", self._answered(self.apply_template, {"prompt": "messages"}), methods=["POST"]),
            Route("/render", self._answered(self.render), methods=["POST"]),
            Route("/openapi.json", self._answered(self.openapi), methods=["GET"]),
            *self._state.routes(self._answered),
            *self._choosing.routes(self._answered),
            *self._chats.routes(self._answered),
            *self._tools.routes(self._answered),
            *self._files.routes(self._answered),
            *self._ollama.routes(self._answered),
            *page_routes(),
        ]
        handlers: dict[Any, Any] = {404: _not_found, 405: _not_found}
        return guarded(Starlette(routes=routes, lifespan=running, exception_handlers=handlers), gate)

    # --- answers ---

    async def chat(self, request: Request) -> Response:
        """POST /v1/chat/completions."""
        body = await self._body(request, ChatCompletionRequest)
        return await self._answer(request, body.orders(), ChatCompletion(body), _CHAT, stream=body.stream)

    async def complete(self, request: Request) -> Response:
        """POST /v1/completions."""
        body = await self._body(request, CompletionRequest)
        orders = body.orders()
        completion = Completion(body, len(orders))
        echoed = [] if not body.echo else [await self._text(request, order(0)) for order in orders]
        first = [chunk for place, text in enumerate(echoed) for chunk in completion.echo(place, text)]
        return await self._answer(request, orders, completion, _COMPLETION, stream=body.stream, first=first)

    async def respond(self, request: Request) -> Response:
        """POST /v1/responses."""
        body = await self._body(request, ResponsesRequest)
        return await self._answer(request, body.orders(), ResponsesAnswer(body), _RESPONSE, stream=body.stream)

    async def message(self, request: Request) -> Response:
        """POST /v1/messages, for Anthropic's clients."""
        body = await self._body(request, MessagesRequest)
        return await self._answer(request, body.orders(), MessagesAnswer(body), _MESSAGE, stream=body.stream)

    async def count(self, request: Request) -> Response:
        """POST /v1/messages/count_tokens."""
        body = await self._body(request, CountRequest)
        prompt = body.prompt()
        rendering = await self._value(request, lambda job: Render(job, body.model, prompt))
        return json_response({"input_tokens": len(rendering["tokens"])})

    async def embed(self, request: Request) -> Response:
        """POST /v1/embeddings."""
        body = await self._body(request, EmbeddingRequest)
        order, client = body.order(), client_of(request)
        with self._admission.enter(client):
            vectors = await unless_left(request, self._link.value(_of(client, order)))
        return GONE if vectors is None else json_response(body.answer(vectors))

    async def _value(self, request: Request, order: Callable[[int], Order]) -> Any:
        """What an order that is no answer gives, while it has a place."""
        with self._admission.enter(client_of(request)):
            return await self._link.value(order)

    async def _text(self, request: Request, order: Generate) -> str:
        """The text of an order's prompt."""
        if isinstance(order.prompt, Text):
            return order.prompt.text
        rendering = await self._value(request, lambda job: Render(job, order.model, order.prompt))
        return str(rendering["text"])

    async def _answer(
        self,
        request: Request,
        orders: list[Callable[[int], Generate]],
        answer: ProtocolAnswer,
        frames: Frames,
        *,
        stream: bool,
        first: list[dict[str, Any]] | None = None,
    ) -> Response:
        """Gives the orders and answers with what comes of them, whole or as it comes. A stream's status waits for the
        first event of every order, so that what is wrong with a prompt is a status and no stream."""
        client, backlog, answer = client_of(request), Backlog(), TimedAnswer(answer, self._latencies)
        async with AsyncExitStack() as stack:
            stack.enter_context(self._admission.enter(client, len(orders)))
            jobs = [await stack.enter_async_context(self._link.job(_of(client, order), backlog)) for order in orders]
            chunks = list(first or [])
            for place, job in enumerate(jobs):
                chunks += answer.read(place, await job.next())
            if stream:
                return _events(stream_of(jobs, answer, chunks, stack.pop_all(), frames), frames.kind)
            gone = await unless_left(request, read_all(jobs, answer)) is None
        return GONE if gone else json_response(answer.whole())

    # --- models ---

    async def models(self, _: Request) -> Response:
        """GET /v1/models."""
        return json_response({"object": "list", "data": [self._described(name) for name in self._models]})

    async def model(self, request: Request) -> Response:
        """GET /v1/models/{id}."""
        name = request.path_params["model"]
        return json_response(self._described(self._model(name)) | {"id": name})

    async def load(self, request: Request) -> Response:
        """POST /load_model: loads a model now, and streams how far it is."""
        body = await self._body(request, LoadBody)
        return _events(plain_event(event) async for event in progress(self._link, body.model))

    async def unload(self, request: Request) -> Response:
        """POST /unload_model: frees the memory of a model until it is asked for again."""
        body = await self._body(request, LoadBody)
        return json_response(await unloaded(self._link, body.model))

    async def memory(self, _: Request) -> Response:
        """GET /memory."""
        return json_response(await memory_figures(self._link))

    def _described(self, name: str) -> dict[str, Any]:
        state = self._link.models.get(name)
        facts = {} if state is None else state.facts
        status = "unloaded" if state is None else "loaded" if state.share == 1 else "loading"
        known = {"id": name, "object": "model", "created": self._began, "owned_by": "causerie", "status": status}
        if aliases := self._names.aliases_of(name):
            known["aliases"] = aliases
        return known | ({} if state is None else {"share": state.share}) | amounts(state) | facts

    def _model(self, name: str | None) -> str:
        """The served model that is meant by a name, or by none. Raises Refusal."""
        return self._names.model(name, self._link.loaded)

    async def _body(self, request: Request, kind: type[Naming]) -> Naming:
        """A request's body, with the served model that it means. Raises Refusal."""
        body = await read_body(request, kind)
        return msgspec.structs.replace(body, model=self._model(body.model or None))

    # --- text and tokens ---

    async def tokenize(self, request: Request) -> Response:
        """POST /tokenize."""
        body = await self._body(request, Tokenize)
        prompt = body.text()
        rendering = await self._value(request, lambda job: Render(job, body.model, prompt))
        return json_response({"tokens": rendering["tokens"], "count": len(rendering["tokens"])})

    async def detokenize(self, request: Request) -> Response:
        """POST /detokenize."""
        body = await self._body(request, DetokenizeBody)
        return json_response(
            {"prompt": await self._value(request, lambda job: Detokenize(job, body.model, body.tokens))}
        )

    async def apply_template(self, request: Request) -> Response:
        """POST /apply-template."""
        body = await self._body(request, ApplyTemplate)
        prompt = body.chat()
        rendering = await self._value(request, lambda job: Render(job, body.model, prompt))
        return json_response({"prompt": rendering["text"], "tokens": rendering["tokens"]})

    async def render(self, request: Request) -> Response:
        """POST /render: Markdown as safe HTML, for the page."""
        return json_response(await rendered(await read_body(request, RenderBody), self._renderer))

    # --- how it is ---

    async def openapi(self, _: Request) -> Response:
        """GET /openapi.json."""
        return json_response(document(self._names.listed))

    def _answered(
        self, handler: Callable[[Request], Any], names: FieldNames = MappingProxyType({})
    ) -> Callable[[Request], Any]:
        """A route whose failures are envelopes; `names` is how it calls what they are about."""

        async def answer(request: Request) -> Response:
            try:
                response: Response = await handler(request)
            except Refusal as refusal:
                return refused(refusal, request.url.path)
            except CauserieError as error:
                return refused(refusal_of(error, names), request.url.path)
            except ClientDisconnect:
                return GONE
            return response

        return answer


def _of(client: str, order: Callable[[int], Asked]) -> Callable[[int], Asked]:
    """The order as this client's."""
    return lambda job: msgspec.structs.replace(order(job), client=client)


def _events(events: AsyncIterable[bytes], kind: str = _CHAT.kind) -> Response:
    return StreamingResponse(events, media_type=kind, headers={"Cache-Control": "no-store"})


async def _not_found(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    what = "is not a route of this server" if status == 404 else f"does not take {request.method}"
    headers = getattr(error, "headers", None)  # which methods there are
    return refused(Refusal(status, f"{request.url.path[:200]} {what}."), request.url.path, headers)
