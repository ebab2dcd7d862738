"""The tree of a chat with branches: what is one, the branch that is shown, and that files of it keep the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from causerie.chat.chat_files import ChatFolder, SavedChat
from causerie.chat.message_tree import branch, checked_tree, grown, messages_of


def node(name: str, parent: str | None, role: str, text: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "parent": parent, "role": role, "text": text, "calls": [], "files": [], **fields}


def tree(leaf: str | None = "a2", **changed: Any) -> dict[str, Any]:
    """A question with two answers."""
    nodes = [
        node("q", None, "user", "Why?"),
        node("a1", "q", "assistant", "So."),
        node("a2", "q", "assistant", "Thus."),
    ]
    return {"id": "c", "system": "Be brief.", "nodes": {each["id"]: each for each in nodes}, "leaf": leaf, **changed}


SYSTEM, WHY = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}


def test_the_branch_that_is_shown_is_what_a_model_is_asked() -> None:
    assert [each["id"] for each in branch(tree())] == ["q", "a2"]
    assert messages_of(tree("a1")) == [SYSTEM, WHY, {"role": "assistant", "content": "So."}]
    assert messages_of(tree(None, system="")) == []


def test_files_and_calls_are_told_as_the_page_tells_them() -> None:
    asked = node("q", None, "user", "What is it?", files=[{"name": "a.txt", "text": "1"}])
    call = {"id": "x", "name": "look", "arguments": "{}"}
    nodes = {"q": asked, "a": node("a", "q", "assistant", "", calls=[call])}
    said = messages_of({"id": "c", "nodes": nodes, "leaf": "a"})
    assert said[0]["content"] == "a.txt:\n```\n1\n```\n\nWhat is it?"
    assert said[1]["tool_calls"] == [{"id": "x", "type": "function", "function": {"name": "look", "arguments": "{}"}}]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ([], "no nodes"),
        (tree(id="../x"), "its id is '../x'"),
        (tree(leaf="nobody"), "its leaf is none"),
        (tree(nodes={"q": node("other", None, "user", "")}), "does not have that id"),
        (tree(nodes={"q": node("q", None, "king", "")}), "the role 'king'"),
        (tree(nodes={"q": node("q", "gone", "user", "")}), "follows one that is not there"),
        (tree(nodes={"q": node("q", None, "user", 3)}), "a text that is no text"),  # type: ignore[arg-type]
        (tree(nodes={"q": node("q", None, "user", "", files=[{"name": "a"}])}), "files that are none"),
        (tree("a", nodes={"a": node("a", "b", "user", ""), "b": node("b", "a", "user", "")}), "in a circle"),
        (tree(nodes={"a": node("a", "a", "user", "")}, leaf="a"), "in a circle"),
    ],
)
def test_what_is_no_tree_is_a_sentence(value: object, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        checked_tree(value)


def test_messages_that_it_has_are_its_own_and_others_a_branch() -> None:
    same = grown(tree("a2"), [SYSTEM, WHY, {"role": "assistant", "content": "So."}])
    assert same == tree("a1")
    more = [WHY, {"role": "assistant", "content": "So."}, {"role": "user", "content": "And then?"}]
    larger = grown(tree("a2"), more)
    assert checked_tree(larger) and messages_of(larger) == more and larger["system"] == ""
    assert set(larger["nodes"]) > {"q", "a1", "a2"} and larger == grown(tree("a2"), more)


def test_a_terminal_that_saves_a_chat_of_the_page_leaves_its_branches(tmp_path: Path) -> None:
    chats = ChatFolder(tmp_path)
    chats.save("page", SavedChat("m", messages_of(tree()), {}, None, tree()))
    loaded = chats.load("page")
    assert loaded.messages == messages_of(tree()) and loaded.tree == tree()
    more = [*loaded.messages, {"role": "user", "content": "And then?"}]
    chats.save("page", SavedChat("m", more))
    again = chats.load("page")
    assert again.messages == more and again.tree is not None and messages_of(again.tree) == more
    assert again.tree["nodes"]["a1"]["text"] == "So."
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "page.json"]
