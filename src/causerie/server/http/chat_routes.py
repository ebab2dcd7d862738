"""`/chats`: the chats that the server keeps, listed, read, written and deleted, where it was started with
--keep-chats. Knows no model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.chat.message_tree import MOST_ID, checked_tree, is_id
from causerie.server.http.failure_responses import Refusal
from causerie.server.http.kept_chats import Conflict, Full, KeptChat, KeptChats
from causerie.server.http.request_body import read_body
from causerie.server.http.route_responses import Answered, json_response

MOST_WORDS = 200  # characters of a search

Result = TypeVar("Result")


class ChatBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The body of PUT /chats/{id}: the chat, and the revision that it was made from, none of a new one."""

    chat: dict[str, Any]
    revision: str | None = None


class ChatRoutes:
    """The routes; `chats` is None where the server keeps none."""

    def __init__(self, chats: KeptChats | None) -> None:
        self._chats = chats

    def routes(self, answered: Answered) -> list[Route]:
        """All of them, with failures told as the server tells them."""
        return [
            Route("/chats", answered(self.list), methods=["GET"]),
            Route("/chats/{id}", answered(self.read), methods=["GET"]),
            Route("/chats/{id}", answered(self.write), methods=["PUT"]),
            Route("/chats/{id}", answered(self.delete), methods=["DELETE"]),
        ]

    async def list(self, request: Request) -> Response:
        """GET /chats, with ?words=… those that say them."""
        if self._chats is None:
            return json_response({"kept": False, "chats": [], "unreadable": []})
        words = request.query_params.get("words", "").strip()
        if len(words) > MOST_WORDS:
            sentence = f"words has {len(words)} characters; expected a few words, at most {MOST_WORDS} characters."
            raise Refusal(400, sentence, param="words")
        rows, unreadable = await asyncio.to_thread(self._chats.rows, words)
        folder = await asyncio.to_thread(self._chats.identity)
        return json_response({"kept": True, "folder": folder, "chats": rows, "unreadable": unreadable})

    async def read(self, request: Request) -> Response:
        """GET /chats/{id}."""
        chats, name = self._place(request)
        chat = await asyncio.to_thread(chats.read, name)
        if chat is None:
            raise _absent(name)
        return json_response(_whole(chat))

    async def write(self, request: Request) -> Response:
        """PUT /chats/{id}: it is on the server's disk when this is answered."""
        chats, name = self._place(request)
        body = await read_body(request, ChatBody)
        try:
            tree = await asyncio.to_thread(checked_tree, body.chat)
        except ValueError as error:
            raise Refusal(400, f"chat is no chat of the page: {error}.", param="chat") from None
        if tree["id"] != name:
            raise Refusal(400, f"chat has the id {tree['id']!r}, and the route names {name!r}.", param="chat")
        return await _changed(lambda: {"revision": chats.write(tree, body.revision)})

    async def delete(self, request: Request) -> Response:
        """DELETE /chats/{id}?revision=…."""
        chats, name = self._place(request)
        revision = request.query_params.get("revision")
        if not revision:
            raise Refusal(400, "revision is missing: which one of the chat shall be deleted?", param="revision")

        def delete() -> dict[str, Any]:
            chats.delete(name, revision)
            return {"id": name, "deleted": True}

        return await _changed(delete)

    def _place(self, request: Request) -> tuple[KeptChats, str]:
        """The chats, and the id that the route names. Raises Refusal."""
        if self._chats is None:
            raise Refusal(
                403, "This server keeps no chats: it was not started with --keep-chats FOLDER.", "permission_error"
            )
        name = request.path_params["id"]
        if not is_id(name):
            sentence = f"{name[:80]!r} is no id of a chat; expected 1 to {MOST_ID} letters, digits, - and _."
            raise Refusal(400, sentence, param="id")
        return self._chats, name


async def _changed(change: Callable[[], dict[str, Any]]) -> Response:
    """What a change of a chat gives. Raises Refusal; of a conflict it answers with the newer chat."""
    try:
        return json_response(await asyncio.to_thread(change))
    except Conflict as conflict:
        sentence = (
            "The chat was deleted meanwhile, or never kept."
            if conflict.chat is None
            else ("The chat was changed meanwhile; go on from `newer`.")
        )
        error = Refusal(409, sentence, param="revision", code="chat_changed").body()
        return json_response(error | {"newer": None if conflict.chat is None else _whole(conflict.chat)}, 409)
    except Full as full:
        raise Refusal(507, str(full), code="chats_full") from None
    except OSError as error:
        raise Refusal(507, f"The chat was not kept: {error.strerror}.", "server_error") from None


def _whole(chat: KeptChat) -> dict[str, Any]:
    return {"revision": chat.revision, "chat": chat.tree}


def _absent(name: str) -> Refusal:
    return Refusal(404, f"There is no chat {name!r} here.", code="chat_not_found")
