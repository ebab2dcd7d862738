"""Gemma 4: `<|tool_call>`call:NAME{KEY:VALUE,…}`<tool_call|>`, a block for each call; texts stand between `<|"|>`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import ToolFormat
from causerie.chat.tool_formats.notation import MARKED
from causerie.chat.tool_formats.rules import Rules, Schemas

_OPENER, _CLOSER, _MARK = "<|tool_call>", "<tool_call|>", MARKED.mark
_HEAD = re.compile(r"\s*call:([^\s{}]{1,300})\s*(?=\{)")
_TEXT = re.compile(f"{re.escape(_MARK)}(.*?){re.escape(_MARK)}", re.DOTALL)
_KEY = re.compile(r"\s*([^\s:{}\[\],<][^:{}\[\],<]{0,300})\s*:")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,300})(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_WORD = re.compile("|".join(_WORDS))
_SPACE = re.compile(r"\s*")


def read(block: str, _: Schemas) -> list[ToolCallPart]:
    """One call, and nothing after it."""
    head = _HEAD.match(block)
    if head is None:
        raise ValueError("the block does not begin with call:NAME{")
    arguments, end = _value(block, head.end())
    if block[end:].strip():
        raise ValueError("something follows the arguments")
    return [ToolCallPart(head.group(1), json.dumps(arguments, ensure_ascii=False))]


def _value(text: str, at: int) -> tuple[Any, int]:
    """The value at a place, and where it ends. Raises ValueError."""
    at = _after_space(text, at)
    if text.startswith("{", at):
        return _object(text, at + 1)
    if text.startswith("[", at):
        return _list(text, at + 1)
    if match := _TEXT.match(text, at):
        return match.group(1), match.end()
    if match := _NUMBER.match(text, at):
        return json.loads(match.group()), match.end()
    if match := _WORD.match(text, at):
        return _WORDS[match.group()], match.end()
    raise ValueError(f"no value begins with {text[at : at + 20]!r}")


def _object(text: str, at: int) -> tuple[dict[str, Any], int]:
    members: dict[str, Any] = {}
    at = _after_space(text, at)
    while not text.startswith("}", at):
        if members:
            at = _after_comma(text, at)
        key, at = _key(text, at)
        members[key], at = _value(text, at)
        at = _after_space(text, at)
    return members, at + 1


def _list(text: str, at: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    at = _after_space(text, at)
    while not text.startswith("]", at):
        if items:
            at = _after_comma(text, at)
        item, at = _value(text, at)
        items.append(item)
        at = _after_space(text, at)
    return items, at + 1


def _key(text: str, at: int) -> tuple[str, int]:
    """A key, bare or as a text, and where its value begins."""
    if match := _KEY.match(text, at):
        return match.group(1).rstrip(), match.end()
    if match := _TEXT.match(text, _after_space(text, at)):
        at = _after_space(text, match.end())
        if text.startswith(":", at):
            return match.group(1), at + 1
    raise ValueError(f"no key begins with {text[at : at + 20]!r}")


def _after_comma(text: str, at: int) -> int:
    if not text.startswith(",", at):
        raise ValueError(f"a comma was expected before {text[at : at + 20]!r}")
    return at + 1


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()


def write(rules: Rules, tools: Schemas, several: bool) -> str:
    """Blocks without anything between them; the keys in their order of letters, as the template has them."""

    def one(name: str, schema: Mapping[str, Any]) -> str:
        opener = rules.literal(f"{_OPENER}call:{name}{{")
        return f'{opener} {rules.pairs(schema, MARKED)} "}}" {rules.literal(_CLOSER)}'

    return rules.calls(one, tools, "" if several else None)


FORMAT = ToolFormat(
    "gemma",
    signs=((_OPENER, _MARK),),
    openers=(_OPENER,),
    closers=(_CLOSER,),
    read=read,
    write=write,
    markers=(_MARK,),
)
