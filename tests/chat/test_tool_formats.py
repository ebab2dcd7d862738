"""Calls with any arguments: what a released template writes is read back as the same call, however it is cut."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causerie.chat.parse import ReplyFormat
from causerie.chat.parts import Part, ReasoningPart, TextPart, ToolCallPart
from causerie.chat.template import ChatTemplate
from causerie.chat.tool_formats import format_named
from causerie.errors import TemplateError
from tests.chat.test_parse import BEGUN, FAMILIES, QUESTION, TOOL, parts, written

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "other_text": {"type": "string"},
        "count": {"type": "integer"},
        "ratio": {"type": "number"},
        "flag": {"type": "boolean"},
        "names": {"type": "array", "items": {"type": "string"}},
        "deep": {"type": "object"},
    },
}
_SIGNS = st.sampled_from(
    ['"', "'", "{", "}", "[", "]", "<", ">", ",", ":", "\\", "\n", " ", "=", "|", "é", "世界", "😀"]
)
_WORDS = st.sampled_from(["null", "true", "1", "call:f{a:1}", "<b>", "</b>", "a b", "{{ x }}"])
# White space around a bare text is not told from that of the format.
TEXTS = st.lists(_SIGNS | _WORDS | st.characters(codec="utf-8", categories=("L", "N")), max_size=12).map(
    lambda pieces: f"-{''.join(pieces)}-"
)
NUMBERS = st.integers(-(10**12), 10**12)
FRACTIONS = st.floats(allow_nan=False, allow_infinity=False, width=32)
KEYS = st.text("abcXYZ_é", min_size=1, max_size=5)
VALUES = st.recursive(
    TEXTS | NUMBERS | FRACTIONS | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "text": TEXTS,
        "other_text": st.sampled_from(["", "1", "null", "true", "[]"]),
        "count": NUMBERS,
        "ratio": FRACTIONS,
        "flag": st.booleans(),
        "names": st.lists(TEXTS, max_size=3),
        "deep": st.dictionaries(KEYS, VALUES, max_size=3),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arguments=ARGUMENTS, size=st.integers(1, 9))
@pytest.mark.parametrize("name", FAMILIES)
def test_any_call_is_read_as_it_was_written(conformance: Path, name: str, arguments: Any, size: int) -> None:
    source = (conformance / "templates" / f"{name}.jinja").read_text(encoding="utf-8")
    reply = ReplyFormat.of(source)
    assert reply.tools is not None
    try:
        _, answer = written(source, arguments)
    except TemplateError:
        _, answer = written(source, json.dumps(arguments))
    tail = BEGUN if reply.channels else ""
    pieces = parts(reply, answer, size, tail, {"get_weather": SCHEMA})
    calls = [part for part in pieces if isinstance(part, ToolCallPart)]
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [("get_weather", arguments)]


INVOKED = '<invoke name="f">\n<parameter name="a">1</parameter>\n</invoke>\n'
TENCENT = "<tool_call>f<tool_sep>\n<arg_key>a</arg_key>\n<arg_value>1</arg_value>\n</tool_call>\n".replace(
    ">", ":opensource>"
)
ACTION = '{"tool_call_id": "0", "tool_name": "f", "parameters": {"a": 1}}'
CALLS = {
    "gemma": (
        "<|tool_call>call:f{a:1}<tool_call|><|tool_call>call:f{a:1}<tool_call|>",
        '<|tool_call>call:f{ <|"|>a<|"|> : 1 }<tool_call|>\n<|tool_call>call:f{a:1}',
    ),
    "minimax": (f"<minimax:tool_call>\n{INVOKED}{INVOKED}</minimax:tool_call>",),
    "hunyuan": (f"<tool_calls:opensource>\n{TENCENT}{TENCENT}</tool_calls:opensource>",),
    "apertus": ('<|tools_prefix|>[{"f": {"a": 1}}, {"f": {"a": 1}}]<|tools_suffix|>',),
    "cohere": (f"<|START_ACTION|>[\n    {ACTION},\n    {ACTION}\n]<|END_ACTION|>",),
}
NO_CALLS = {
    "gemma": (
        "call:f{a:1} b", "f{a:1}", "call:f{a:1,}", "call:f{a:x}", "call:f{a}", "call:f[1]", 'call:f{a:<|"|>b}',
        "call:f{a:1",
    ),
    "minimax": ("<invoke name='f'>", "f", '<parameter name="a">1</parameter>'),
    "hunyuan": ("<tool_call:opensource>f", "f", TENCENT.partition("\n")[2]),
    "apertus": ('{"f": {}}', "[]", '[{"f": {}, "g": {}}]', '[{"": {}}]', '[{"f": 1}]', "["),
    "cohere": ('{"tool_name": "f"}', "[]", '[{"name": "f"}]', '[{"tool_name": ""}]', '[{"tool_name": 1}]'),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in CALLS.items() for text in texts])
def test_several_calls_are_read_apart(name: str, text: str) -> None:
    for size in range(1, len(text) + 1):
        assert parts(ReplyFormat(None, format_named(name)), text, size, BEGUN) == [ToolCallPart("f", '{"a": 1}')] * 2


@pytest.mark.parametrize(("name", "block"), [(name, block) for name, blocks in NO_CALLS.items() for block in blocks])
def test_what_is_no_call_stays_text(name: str, block: str) -> None:
    format = format_named(name)
    text = f"{format.openers[0]}{block}{format.closers[0]}"
    for size in range(1, len(text) + 1):
        assert parts(ReplyFormat(None, format), text, size) == [TextPart(text)]


def test_reasoning_goes_on_after_a_call_where_a_model_calls_in_its_midst(conformance: Path) -> None:
    source = (conformance / "templates" / "Apertus-8B-Instruct.jinja").read_text(encoding="utf-8")
    call, none = '<|tools_prefix|>[{"f": {"a": 1}}]<|tools_suffix|>', "<|tools_prefix|>[]<|tools_suffix|>"
    text = f"<|inner_prefix|>Hm.{call}So.{none} Well.<|inner_suffix|><|inner_prefix|>Ah.<|inner_suffix|>Yes.{none}"
    for size in range(1, len(text) + 1):
        assert parts(ReplyFormat.of(source), text, size) == [
            ReasoningPart("Hm."),
            ToolCallPart("f", '{"a": 1}'),
            ReasoningPart(f"So.{none} Well.Ah."),
            TextPart(f"Yes.{none}"),
        ]


MUSE_CALL = (
    ' to=f<|message|><atem:function_calls>\n<atem:invoke name="f">\n<atem:parameter name="a">1</atem:parameter>\n'
)
MUSE_CALL += "</atem:invoke>\n</atem:function_calls>"
MUSE = f" to=self<|message|>Hm.<|eom|>{BEGUN} to=user<|message|>I look.<|eom|>{BEGUN}{MUSE_CALL}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{MUSE}<|eot|>", [ReasoningPart("Hm."), TextPart("I look."), ToolCallPart("f", '{"a": 1}')]),
        (f"{MUSE_CALL}<|eom|>{BEGUN}{MUSE_CALL}", [ToolCallPart("f", '{"a": 1}')] * 2),
        (" to=f<|message|>f(1)<|eot|>", [TextPart("f(1)")]),
        (' to=f<|message|>See <atem:invoke name="f">', [TextPart('See <atem:invoke name="f">')]),
        (f" to=user<|message|>See {MUSE_CALL[13:]}", [TextPart(f"See {MUSE_CALL[13:]}")]),
        (" to=user<|message|>Yes <b>.", [TextPart("Yes <b>.")]),
        ("No header.", [TextPart("No header.")]),
        (" to=us", []),
    ],
)
def test_muse_speaks_to_somebody(conformance: Path, text: str, expected: list[Part]) -> None:
    reply = ReplyFormat.of((conformance / "templates" / "muse-glimmer.jinja").read_text(encoding="utf-8"))
    for size in range(1, len(text) + 1):
        assert parts(reply, text, size, BEGUN) == expected
    assert reply.around_reasoning is not None and MUSE.startswith(reply.around_reasoning.opener)


def test_what_muse_says_to_itself_is_thinking_while_it_lasts() -> None:
    parser = ReplyFormat(None, format_named("muse")).parser(BEGUN, {})
    thinking = []
    for piece in (" to=self", "<|message|>", "hm", "<|eom|>", f"{BEGUN} to=f<|message|>", "x", "<|eot|>"):
        parser.feed(piece)
        thinking.append(parser.thinking)
    assert thinking == [False, True, True, False, False, False, False]


REASONERS = [
    "google-gemma-4-31B-it-interleaved", "MiniMax-M2", "tencent-Hy3", "muse-glimmer", "Cohere2MoE", "GLM-4.7-Flash",
    "poolside-Laguna-S-2.1", "Qwen3.5-4B", "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "ByteDance-Seed-OSS",
]  # fmt: skip


@pytest.mark.parametrize("name", REASONERS)
def test_reasoning_and_two_calls_are_read_as_they_were_written(conformance: Path, name: str) -> None:
    source = (conformance / "templates" / f"{name}.jinja").read_text(encoding="utf-8")
    template, reply = ChatTemplate(source, {"bos_token": "<s>", "eos_token": "</s>"}), ReplyFormat.of(source)
    calls = [
        {"id": str(at), "type": "function", "function": {"name": "get_weather", "arguments": {"city": city}}}
        for at, city in enumerate(("Gent", "Brugge"))
    ]
    answer = {"role": "assistant", "content": "", "reasoning_content": "Hm.\nSo.", "tool_calls": calls}
    text = template.render([QUESTION, answer], tools=[TOOL], add_generation_prompt=False)
    said = text[text.rindex(str(QUESTION["content"])) + len(str(QUESTION["content"])) :]
    assert reply.around_reasoning is not None
    said = said[said.index(reply.around_reasoning.opener) :]
    expected = [ToolCallPart("get_weather", json.dumps({"city": city})) for city in ("Gent", "Brugge")]
    for size in (1, 5, len(said)):
        pieces = parts(reply, said, size, BEGUN if reply.channels else "")
        assert pieces[0] == ReasoningPart("Hm.\nSo.")
        read = [part for part in pieces if isinstance(part, ToolCallPart)]
        assert [(call.name, call.arguments) for call in read] == [(call.name, call.arguments) for call in expected]
