"""All messages of a chat that has branches, as the page keeps them: a tree, and which way through it is shown.

A tree is a JSON object: `id`, `nodes` by their ids, each with the `parent` that it answers or follows, and `leaf`, the
last message that is shown; what else it has is the page's and is left as it is. A node has a `role`, a `text`, and
where there are some `files` and `calls` of tools. Pure functions; knows no file and no model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from causerie.chat.messages import with_files

Tree = dict[str, Any]
Node = dict[str, Any]

ROLES = ("user", "assistant", "tool")
MOST_NODES = 20_000
MOST_ID = 64


def checked_tree(value: object) -> Tree:
    """A tree as it was given. Raises ValueError where it is none, which says what is wrong."""
    if not isinstance(value, dict) or not isinstance(value.get("nodes"), dict):
        raise ValueError("its tree has no nodes")
    if not is_id(value.get("id")):
        raise ValueError(
            f"its id is {str(value.get('id'))[:80]!r}; 1 to {MOST_ID} letters, digits, - and _ were expected"
        )
    nodes = value["nodes"]
    if len(nodes) > MOST_NODES:
        raise ValueError(f"it has {len(nodes)} messages; at most {MOST_NODES}")
    for name, node in nodes.items():
        _check_node(name, node, nodes)
    if value.get("leaf") is not None and value["leaf"] not in nodes:
        raise ValueError("its leaf is none of its messages")
    _check_ways(nodes)
    return value


def is_id(value: object) -> bool:
    """Whether a value names a chat or a message."""
    if not isinstance(value, str) or not 0 < len(value) <= MOST_ID or not value.isascii():
        return False
    return value.replace("-", "x").replace("_", "x").isalnum()


def _check_node(name: str, node: object, nodes: Mapping[str, Any]) -> None:
    if not is_id(name) or not isinstance(node, dict) or node.get("id") != name:
        raise ValueError(f"its message {name[:80]!r} does not have that id")
    if node.get("role") not in ROLES:
        raise ValueError(
            f"its message {name!r} has the role {str(node.get('role'))[:80]!r}; known are {', '.join(ROLES)}"
        )
    if node.get("parent") is not None and not (isinstance(node["parent"], str) and node["parent"] in nodes):
        raise ValueError(f"its message {name!r} follows one that is not there")
    for part in ("text", "reasoning"):
        if not isinstance(node.get(part, ""), str):
            raise ValueError(f"its message {name!r} has a {part} that is no text")
    for part, texts in (("files", ("name", "text")), ("calls", ("name", "arguments"))):
        items = node.get(part, [])
        whole = isinstance(items, list) and all(
            isinstance(item, dict) and all(isinstance(item.get(each), str) for each in texts) for item in items
        )
        if not whole:
            raise ValueError(f"its message {name!r} has {part} that are none")


def _check_ways(nodes: Mapping[str, Node]) -> None:
    """Raises ValueError where messages follow each other in a circle."""
    rooted: set[str] = set()
    for name in nodes:
        way: list[str] = []
        at: str | None = name
        while at is not None and at not in rooted:
            way.append(at)
            if len(way) > len(nodes):
                raise ValueError("its messages follow each other in a circle")
            at = nodes[at].get("parent")
        rooted.update(way)


def branch(tree: Tree) -> list[Node]:
    """The messages that are shown, from the first to the last."""
    way: list[Node] = []
    at = tree.get("leaf")
    while at is not None:
        way.append(tree["nodes"][at])
        at = way[-1].get("parent")
    return way[::-1]


def messages_of(tree: Tree) -> list[dict[str, Any]]:
    """The messages that are shown, as a model is asked, the system message first if there is one."""
    system = tree.get("system")
    first = [{"role": "system", "content": system}] if isinstance(system, str) and system else []
    return first + [_message(node) for node in branch(tree)]


def _message(node: Node) -> dict[str, Any]:
    files = [(file["name"], file["text"]) for file in node.get("files", [])]
    message: dict[str, Any] = {"role": node["role"], "content": with_files(node.get("text", ""), files)}
    calls = [
        {"id": call.get("id"), "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
        for call in node.get("calls", [])
    ]
    return message | ({"tool_calls": calls} if calls else {})


def grown(tree: Tree, messages: Sequence[Mapping[str, Any]]) -> Tree:
    """A tree that shows `messages`: those that it has are its own, and further ones follow them as a branch. A system
    message becomes its `system`."""
    nodes: dict[str, Node] = dict(tree["nodes"])
    followers: dict[str | None, list[Node]] = {}
    for node in nodes.values():
        followers.setdefault(node.get("parent"), []).append(node)
    system = [message for message in messages if message["role"] in ("system", "developer")]
    at: str | None = None
    for message in messages:
        if message["role"] in ("system", "developer"):
            continue
        said = _plain(message)
        own = [node for node in followers.get(at, []) if _message(node) == said]
        if not own:
            own = [_node(at, said, len(nodes))]
            nodes[own[0]["id"]] = own[0]
        at = own[-1]["id"]
    return {**tree, "system": _text(system[0]) if system else "", "nodes": nodes, "leaf": at}


def _plain(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message of a file as a node would say it."""
    role = str(message["role"])
    plain: dict[str, Any] = {"role": role if role in ROLES else "user", "content": _text(message)}
    return plain | ({"tool_calls": message["tool_calls"]} if message.get("tool_calls") else {})


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(str(part.get("text", "")) for part in content)


def _node(parent: str | None, message: Mapping[str, Any], place: int) -> Node:
    """A new node; its id is the same wherever it is made."""
    named = json.dumps([parent, place, message["role"], message["content"]])
    calls = [
        {"id": str(call.get("id") or ""), "name": call["function"]["name"], "arguments": call["function"]["arguments"]}
        for call in message.get("tool_calls", [])
    ]
    return {
        "id": hashlib.sha256(named.encode()).hexdigest()[:24],
        "parent": parent,
        "role": message["role"],
        "text": message["content"],
        "reasoning": "",
        "calls": calls,
        "files": [],
    }
