"""The OpenAPI document of the server, made from the types by which it checks its requests. Knows no model."""

from __future__ import annotations

from typing import Any

import msgspec

import causerie
from causerie.server.http.chat_routes import ChatBody
from causerie.server.http.gate import FILE_KINDS, FILE_ROUTE
from causerie.server.http.library_routes import LibraryModelBody, LibrarySearch
from causerie.server.http.load_progress import LoadBody
from causerie.server.http.page import RenderBody
from causerie.server.http.tool_routes import ToolCallBody
from causerie.server.protocols.chat_completions import ChatCompletionRequest
from causerie.server.protocols.completions import CompletionRequest
from causerie.server.protocols.embeddings import EmbeddingRequest
from causerie.server.protocols.messages import CountRequest, MessagesRequest
from causerie.server.protocols.ollama import OllamaChat, OllamaGenerate
from causerie.server.protocols.ollama_embeddings import OllamaEmbed, OllamaEmbedding
from causerie.server.protocols.ollama_models import ModelBody
from causerie.server.protocols.responses import ResponsesRequest
from causerie.server.protocols.text_bodies import ApplyTemplate, DetokenizeBody, Tokenize

_BODIES: dict[str, tuple[type, str]] = {
    "/v1/chat/completions": (ChatCompletionRequest, "An answer to a chat"),
    "/v1/completions": (CompletionRequest, "Texts or tokens, continued"),
    "/v1/responses": (ResponsesRequest, "An answer, by OpenAI's newer protocol"),
    "/v1/messages": (MessagesRequest, "An answer, for Anthropic's clients"),
    "/v1/messages/count_tokens": (CountRequest, "How many tokens a chat has, for Anthropic's clients"),
    "/v1/embeddings": (EmbeddingRequest, "Embeddings of texts"),
    "/load_model": (LoadBody, "Loads a model, and streams how far it is"),
    "/unload_model": (LoadBody, "Frees the memory of a model until it is asked for again"),
    "/tokenize": (Tokenize, "Text to tokens"),
    "/detokenize": (DetokenizeBody, "Tokens to text"),
    "/apply-template": (ApplyTemplate, "A chat as its model reads it"),
    "/render": (RenderBody, "Markdown as safe HTML"),
    "/library/serve": (LibraryModelBody, "Has a model of this machine served"),
    "/library/search": (LibrarySearch, "Models of the Hugging Face hub"),
    "/library/download": (LibraryModelBody, "Begins the download of a model"),
    "/library/cancel": (LibraryModelBody, "Ends the download of a model"),
    "/api/chat": (OllamaChat, "An answer to a chat, for Ollama's clients"),
    "/api/generate": (OllamaGenerate, "An answer to a prompt, for Ollama's clients"),
    "/api/embed": (OllamaEmbed, "Embeddings of texts, for Ollama's clients"),
    "/api/embeddings": (OllamaEmbedding, "The embedding of a text, for Ollama's older clients"),
    "/api/show": (ModelBody, "What is known of a model, for Ollama's clients"),
    "/api/pull": (ModelBody, "Downloads a model and has it served, for Ollama's clients"),
    "/tools/call": (ToolCallBody, "Calls a tool of the servers that this one was started with"),
}
_STREAMED = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages", "/load_model")
_LINES = ("/api/chat", "/api/generate", "/api/pull")
_READ = {
    "/v1/models": "The models that are served",
    "/memory": "What the memory of this machine holds",
    "/library": "The models of this machine that can be chosen",
    "/library/downloads": "How far downloads are",
    "/tools": "The tools that can be called",
    "/api/tags": "The models that are served, for Ollama's clients",
    "/api/ps": "Those in memory, for Ollama's clients",
    "/api/version": "The version of Ollama whose protocol this is",
    "/health": "Whether the engine makes steps",
    "/v1/health": "The same",
    "/ping": "The same",
    "/version": "Which version of Causerie it is",
}
_FAILURES = {
    "400": "Something in the request cannot be done; the message names it",
    "401": "A key is needed",
    "403": "Not from this host or origin",
    "404": "There is no such model, chat or route",
    "409": "The chat is another one by now",
    "413": "The body is too large",
    "415": "The body is no JSON",
    "429": "The server is full; Retry-After says when to try again",
    "503": "The engine or the memory is not there just now",
    "507": "There is no room for the chat",
}
_MESSAGE = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {
        "role": {"enum": ["user", "assistant", "system", "developer", "tool"]},
        "content": {"type": ["string", "array", "null"]},
    },
}
_OLLAMA_MESSAGE = {
    "type": "object",
    "required": ["role"],
    "properties": {
        "role": {"enum": ["user", "assistant", "system", "tool"]},
        "content": {"type": ["string", "null"]},
        "thinking": {"type": ["string", "null"]},
        "tool_calls": {"type": ["array", "null"], "items": {"type": "object"}},
    },
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "object", "required": ["message", "type"], "properties": {"message": {"type": "string"}}}
    },
}
_OLLAMA_ERROR = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}


def document(models: list[str] | None) -> dict[str, Any]:
    """The whole document, of a server of models by these names, or by any."""
    model_schema: dict[str, Any] = {"type": "string"} | ({} if models is None else {"enum": models})
    types = [*(body for body, _ in _BODIES.values()), ChatBody]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    bodies = {body.__name__ for body in types}
    for name, component in components.items():
        properties = component.get("properties", {})
        if "model" in properties:
            unnamed = [] if "model" in component.get("required", []) else [""]
            properties["model"] = {"type": "string"} | ({} if models is None else {"enum": [*models, *unnamed]})
        for property in properties.keys() - component.get("required", []) if name in bodies else ():
            properties[property] = _or_null(properties[property])
        if name == OllamaChat.__name__:  # one without messages loads the model
            properties["messages"] = {"type": "array", "items": _OLLAMA_MESSAGE}
        elif "messages" in properties:
            properties["messages"] = {"type": "array", "minItems": 1, "items": _MESSAGE}
    paths: dict[str, Any] = {}
    for (route, (_, summary)), schema in zip(_BODIES.items(), schemas[:-1], strict=True):
        content: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
        if route in _STREAMED:
            content["text/event-stream"] = {"schema": {"type": "string"}}
        if route in _LINES:
            content["application/x-ndjson"] = {"schema": {"type": "string"}}
        body = {"required": True, "content": {"application/json": {"schema": schema}}}
        paths[route] = {"post": {"summary": summary, "requestBody": body, "responses": _responses(content, route)}}
    for route, summary in _READ.items():
        paths[route] = {"get": {"summary": summary, "responses": _responses(_json({"type": "object"}), route)}}
    parameter = {"name": "model", "in": "path", "required": True, "schema": model_schema}
    one = {"summary": "One of them", "parameters": [parameter], "responses": _responses(_json({"type": "object"}))}
    paths["/v1/models/{model}"] = {"get": one}
    paths |= _chat_paths(schemas[-1])
    paths |= _file_path()
    paths["/metrics"] = {
        "get": {
            "summary": "Counts for Prometheus",
            "responses": _responses({"text/plain": {"schema": {"type": "string"}}}),
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Causerie", "version": causerie.__version__},
        "paths": paths,
        "components": {
            "schemas": {**components, "Error": _ERROR, "OllamaError": _OLLAMA_ERROR},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"key": []}],
    }


def _chat_paths(body: dict[str, Any]) -> dict[str, Any]:
    """The routes of kept chats; `body` is the schema of one that is written."""
    done = _responses(_json({"type": "object"}))
    name = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    words = {"name": "words", "in": "query", "schema": {"type": "string"}}
    revision = {"name": "revision", "in": "query", "required": True, "schema": {"type": "string"}}
    written = {"required": True, "content": _json(body)}
    return {
        "/chats": {"get": {"summary": "The chats that are kept here", "parameters": [words], "responses": done}},
        "/chats/{id}": {
            "get": {"summary": "One of them", "parameters": [name], "responses": done},
            "put": {"summary": "Keeps a chat", "parameters": [name], "requestBody": written, "responses": done},
            "delete": {"summary": "Deletes it", "parameters": [name, revision], "responses": done},
        },
    }


def _file_path() -> dict[str, Any]:
    """The route whose body is a file."""
    file = {"required": True, "content": {kind: {"schema": {}} for kind in FILE_KINDS}}
    done = _responses(_json({"type": "object"}))
    return {FILE_ROUTE: {"post": {"summary": "The text of a PDF or text file", "requestBody": file, "responses": done}}}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What may be left out may be null as well (request_body.py)."""
    null = {"type": "null"}
    if null in (schema.get("anyOf", [schema])):
        return schema
    rest = {key: value for key, value in schema.items() if key != "default"}
    return {"anyOf": [rest, null]} | ({"default": schema["default"]} if "default" in schema else {})


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _responses(content: dict[str, Any], route: str = "") -> dict[str, Any]:
    name = "OllamaError" if route.startswith("/api/") else "Error"
    error = _json({"$ref": f"#/components/schemas/{name}"})
    failures = {status: {"description": text, "content": error} for status, text in _FAILURES.items()}
    return {"200": {"description": "It was done", "content": content}, **failures}
