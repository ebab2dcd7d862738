"""Answers into parts. The oracle is the released templates: what one writes for a call, the parser must read back."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.chat.parse import ReplyFormat, cut
from causerie.chat.parts import Part, ReasoningPart, TextPart, ToolCallPart
from causerie.chat.reasoning import REASONING_FORMATS
from causerie.chat.template import ChatTemplate
from causerie.chat.tool_formats import TOOL_FORMATS, format_named
from causerie.errors import TemplateError, UnknownName

ARGUMENTS = {"city": "Den Haag", "days": 3, "units": ["C", "F"], "note": 'say "hi"\nand <go>', "precise": True}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Where."},
                "days": {"type": "integer", "description": "How many."},
                "units": {"type": "array", "items": {"type": "string"}, "description": "In what."},
                "note": {"type": "string", "description": "What else."},
                "precise": {"type": "boolean", "description": "Whether."},
            },
            "required": ["city"],
        },
    },
}
SCHEMAS = {"get_weather": TOOL["function"]["parameters"]}  # type: ignore[index]
FAMILIES = {
    "Qwen-Qwen2.5-7B-Instruct": "hermes",
    "Qwen-Qwen3-0.6B": "hermes",
    "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use": "hermes",
    "NousResearch-Hermes-3-Llama-3.1-8B-tool_use": "hermes",
    "ibm-granite-granite-4.0": "hermes",
    "Qwen3.5-4B": "qwen_xml",
    "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": "qwen_xml",
    "StepFun3.5-Flash": "qwen_xml",
    "ByteDance-Seed-OSS": "seed_xml",
    "meta-llama-Llama-3.1-8B-Instruct": "llama_json",
    "meta-llama-Llama-3.2-3B-Instruct": "llama_json",
    "mistralai-Mistral-Nemo-Instruct-2407": "mistral",
    "mistralai-Ministral-3-14B-Reasoning-2512": "mistral_named",
    "unsloth-mistral-Devstral-Small-2507": "mistral_named",
    "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B": "deepseek_fenced",
    "GLM-4.7-Flash": "glm",
    "inclusionai-ling-3.0-flash": "glm",
    "moonshotai-Kimi-K2": "kimi",
    "openai-gpt-oss-120b": "harmony",
    "poolside-Laguna-S-2.1": "glm",
    "poolside-Laguna-XS.2": "glm",
    "ibm-granite-granite-4.1": "hermes",
    "google-gemma-4-31B-it-interleaved": "gemma",
    "MiniMax-M2": "minimax",
    "tencent-Hy3": "hunyuan",
    "Apertus-8B-Instruct": "apertus",
    "Cohere2MoE": "cohere",
    "muse-glimmer": "muse",
}
ENDS = (
    "<｜Assistant｜>", "</s>", "<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<｜end▁of▁sentence｜>", "<turn|>", "[e~[",
    "</assistant>", "<｜hy_eos:opensource｜>", "<|END_OF_TURN_TOKEN|>",
    "<|eot|>",
)  # fmt: skip
BEGUN = "<|start|>assistant"  # what a prompt ends with where answers are messages in channels
QUESTION = {"role": "user", "content": "What is the weather?"}


def parts(format: ReplyFormat, text: str, size: int, tail: str = "", schemas: Any = SCHEMAS) -> list[Part]:
    """All parts of an answer that comes in pieces of `size` characters, neighbours of a kind joined."""
    parser = format.parser(tail, schemas)
    pieces: list[Part] = []
    for at in range(0, len(text), size):
        pieces += parser.feed(text[at : at + size])
    joined: list[Part] = []
    for part in pieces + parser.finish():
        last = joined[-1] if joined else None
        if isinstance(part, TextPart | ReasoningPart) and type(part) is type(last):
            joined[-1] = type(part)(last.text + part.text)  # type: ignore[union-attr]
        else:
            joined.append(part)
    return joined


def written(source: str, *arguments: Any) -> tuple[str, str]:
    """A prompt with a tool, and what the template writes for an answer that calls it with each of these arguments."""
    template = ChatTemplate(source, {"bos_token": "<s>", "eos_token": "</s>"})
    calls = [
        {"id": f"abcDEF12{place}", "type": "function", "function": {"name": "get_weather", "arguments": each}}
        for place, each in enumerate(arguments)
    ]
    answer = {"role": "assistant", "content": "", "tool_calls": calls}
    prompt = template.render([QUESTION], tools=[TOOL], add_generation_prompt=True)
    whole = template.render([QUESTION, answer], tools=[TOOL], add_generation_prompt=False)
    begun = len(prompt)
    # Templates may open a reasoning that they leave out of old answers.
    while not whole.startswith(prompt[:begun]) or re.search(r"<[^<>\s]*$", prompt[:begun]):
        begun -= 1
    answer = whole[begun:].rstrip()
    for end in ENDS:
        answer = answer.removesuffix(end)  # the engine hides the token that ends an answer
    return prompt, answer


@pytest.mark.parametrize(("name", "format"), FAMILIES.items())
def test_calls_are_read_as_templates_write_them(conformance: Path, name: str, format: str) -> None:
    source = (conformance / "templates" / f"{name}.jinja").read_text(encoding="utf-8")
    reply = ReplyFormat.of(source)
    assert reply.tools is not None and reply.tools.name == format
    try:
        _, answer = written(source, ARGUMENTS)
    except TemplateError:
        _, answer = written(source, json.dumps(ARGUMENTS))
    for size in (1, 2, 3, 7, len(answer)):
        pieces = parts(reply, answer, size, BEGUN if reply.channels else "")
        (call,) = (part for part in pieces if isinstance(part, ToolCallPart))
        assert call.name == "get_weather" and json.loads(call.arguments) == ARGUMENTS


MARKS = re.compile(r"<[^<>\s]{1,40}>|\[/?[A-Z_]{2,}\]|\]~[a-z!]\[|\]~b\]|\[e~\[")  # as added tokens are spelled


def test_a_question_about_the_marker_opens_nothing(conformance: Path) -> None:
    """In every template that reasons: whether the prompt opens reasoning is the template's to say, not the user's."""
    seen = 0
    for path in sorted((conformance / "templates").glob("*.jinja")):
        source = path.read_text(encoding="utf-8")
        reasoning = ReplyFormat.of(source).reasoning
        if reasoning is None:
            continue
        template = ChatTemplate(source, {"bos_token": "<s>", "eos_token": "</s>"})
        opened = []
        for content in ("Hi", f"What does {reasoning.opener} mean?"):
            prompt = template.render([{"role": "user", "content": content}], add_generation_prompt=True)
            opened.append(reasoning.is_open(prompt, set(MARKS.findall(prompt))))
        if not MARKS.search(prompt.rpartition("mean?")[2]):
            continue  # RWKV's turns are plain text: nothing tells them apart
        assert opened[0] == opened[1], path.name
        seen += 1
    assert seen >= 15, seen


def test_templates_without_tools_have_no_format(conformance: Path) -> None:
    for name in ("google-gemma-2-2b-it", "microsoft-Phi-3.5-mini-instruct"):
        source = (conformance / "templates" / f"{name}.jinja").read_text(encoding="utf-8")
        assert ReplyFormat.of(source) == ReplyFormat()


@pytest.mark.parametrize("name", ["MiniMax-M3", "meetkai-functionary-medium-v3.1", "Kimi-K3", "GigaChat3-10B-A1.8B"])
def test_a_way_that_is_not_known_is_taken_for_no_other(conformance: Path, name: str) -> None:
    source = (conformance / "templates" / f"{name}.jinja").read_text(encoding="utf-8")
    assert "tool" in source and ReplyFormat.of(source).tools is None


def test_a_template_that_lists_tools_and_writes_no_calls(conformance: Path) -> None:
    source = (conformance / "templates" / "LFM2-8B-A1B.jinja").read_text(encoding="utf-8")
    assert ReplyFormat.of(source).tools is TOOL_FORMATS["lfm"]


THINK = REASONING_FORMATS[0]
CALL = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'
LINES = ToolCallPart("f", json.dumps({"a": "x\n'y", "b": "'\n"}))
READ, OTHER = ToolCallPart("f", '{"a": 1}'), ToolCallPart("g", "{}")


@pytest.mark.parametrize(
    ("text", "tail", "expected"),
    [
        ("Plain.  ", "", [TextPart("Plain.  ")]),
        ("  two\n\nlines\n", "", [TextPart("  two\n\nlines\n")]),
        ("<think>\nhm\n</think>\n\nYes.", "", [ReasoningPart("hm"), TextPart("Yes.")]),
        ("hm</think>Yes.", "…<think>\n", [ReasoningPart("hm"), TextPart("Yes.")]),
        ("<think></think>Yes.", "", [TextPart("Yes.")]),
        ("<think>never closed", "", [ReasoningPart("never closed")]),
        ("I write <think> as text.", "", [TextPart("I write <think> as text.")]),
        ("Yes.", "<think>\n\n</think>\n\n", [TextPart("Yes.")]),
        (f"Ok.\n{CALL}\n{CALL}\n", "", [TextPart("Ok."), READ, READ]),
        (f"<think>\nhm\n</think>\n\n{CALL}", "", [ReasoningPart("hm"), READ]),
        ("a <tool_call> b </tool_call> c", "", [TextPart("a <tool_call> b </tool_call> c")]),
        ("a\n<tool_call>\n[1]\n</tool_call>\n", "", [TextPart("a\n<tool_call>\n[1]\n</tool_call>\n")]),
        ("<tool_call></tool_call><think>", "", [TextPart("<tool_call></tool_call><think>")]),
        ('<tool_call>{"name": "f"', "", [TextPart('<tool_call>{"name": "f"')]),
        (CALL.removesuffix("</tool_call>"), "", [READ]),
        ("<tool_call", "", [TextPart("<tool_call")]),
    ],
)
def test_marked_answers(text: str, tail: str, expected: list[Part]) -> None:
    reply = ReplyFormat(THINK, TOOL_FORMATS["hermes"])
    for size in range(1, len(text) + 1):
        assert parts(reply, text, size, tail) == expected


@pytest.mark.parametrize(
    ("format", "text", "expected"),
    [
        ("llama_json", ' {"name": "f", "parameters": {"a": 1}}', [READ]),
        ("llama_json", '<|python_tag|>{"name": "f", "parameters": {"a": 1}}; {"name": "g"}', [READ, OTHER]),
        ("llama_json", ' {"not": "a call"} so', [TextPart(' {"not": "a call"} so')]),
        ("llama_json", 'See {"name": "f"}.', [TextPart('See {"name": "f"}.')]),
        ("pythonic", "[f(a=1), g()]", [READ, OTHER]),
        ("pythonic", "[f(a=open('x'))]", [TextPart("[f(a=open('x'))]")]),
        ("pythonic", "[1, 2] is a list", [TextPart("[1, 2] is a list")]),
        ("lfm", "<|tool_call_start|>[f(a=1)]<|tool_call_end|>Done.", [READ, TextPart("Done.")]),
        ("lfm", "<|tool_call_start|>[\nf(a='x\n\\'y', b=\"'\n\")]<|tool_call_end|>", [LINES]),
        ("mistral", 'Ok[TOOL_CALLS][{"name": "f", "arguments": {"a": 1}}]', [TextPart("Ok"), READ]),
        ("mistral", '[TOOL_CALLS]f[CALL_ID]x1[ARGS]{"a": 1}', [ToolCallPart("f", '{"a": 1}', "x1")]),
    ],
)  # fmt: skip
def test_other_formats(format: str, text: str, expected: list[Part]) -> None:
    for size in range(1, len(text) + 1):
        assert parts(ReplyFormat(None, format_named(format)), text, size) == expected


HARMONY = ReplyFormat(None, TOOL_FORMATS["harmony"])
CHANNELS = (
    "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>commentary to=functions.f "
    '<|constrain|>json<|message|>{"a": 1}<|call|>'
)


def test_channels() -> None:
    for size in range(1, len(CHANNELS) + 1):
        assert parts(HARMONY, CHANNELS, size, "<|start|>assistant") == [ReasoningPart("hm"), READ]
        assert parts(HARMONY, CHANNELS, size, "<|start|>assistant", None) == [ReasoningPart("hm"), TextPart('{"a": 1}')]
        final = "<|channel|>final<|message|>Yes <b>.<|return|>"
        assert parts(HARMONY, final, size, "<|start|>assistant") == [TextPart("Yes <b>.")]
        assert parts(HARMONY, "no channel at all", size, "<|start|>assistant") == [TextPart("no channel at all")]


def test_what_is_said_in_a_channel_of_analysis_is_thinking_while_it_lasts() -> None:
    parser = HARMONY.parser("<|start|>assistant", {})
    said = [
        "<|channel|>analysis",
        "<|message|>",
        "hm",
        "<|end|>",
        "<|start|>assistant<|channel|>final",
        "<|message|>",
        "Yes",
    ]
    states = []
    for piece in said:
        parser.feed(piece)
        states.append(parser.thinking)
    assert states == [False, True, True, False, False, False, False]
    assert HARMONY.parser("<|start|>assistant<|channel|>analysis<|message|>").thinking
    assert not HARMONY.parser("<|start|>assistant<|channel|>final<|message|>").thinking
    assert not HARMONY.parser("<|start|>assistant<|channel|>analysis to=functions.f<|message|>", {}).thinking


REASONERS = {
    "Qwen-Qwen3-0.6B": ("<think>", "</think>"),
    "mistralai-Ministral-3-14B-Reasoning-2512": ("[THINK]", "[/THINK]"),
    "ByteDance-Seed-OSS": ("<seed:think>", "</seed:think>"),
    "MiniMax-M3": ("<mm:think>", "</mm:think>"),
    "unsloth-Apriel-1.5": ("<thinking>", "</thinking>"),
    "Cohere2MoE": ("<|START_THINKING|>", "<|END_THINKING|>"),
    "google-gemma-4-31B-it-interleaved": ("<|channel>thought", "<channel|>"),
    "tencent-Hy3": ("<think:opensource>", "</think:opensource>"),
    "Apertus-8B-Instruct": ("<|inner_prefix|>", "<|inner_suffix|>"),
}


@pytest.mark.parametrize(("name", "marks"), REASONERS.items())
def test_the_reasoning_of_every_family_is_told_from_its_answer(
    conformance: Path, name: str, marks: tuple[str, str]
) -> None:
    source = (conformance / "templates" / f"{name}.jinja").read_text(encoding="utf-8")
    spelled = source.replace("{}", ":opensource") if "opensource" in marks[0] else source  # Hy3's puts them together
    assert all(mark in spelled for mark in marks)
    answer = f"{marks[0]}\nhm\n{marks[1]}\nYes."
    for size in (1, 5, len(answer)):
        assert parts(ReplyFormat.of(source), answer, size, schemas=None) == [ReasoningPart("hm"), TextPart("Yes.")]


def test_without_tools_nothing_is_looked_for() -> None:
    assert parts(ReplyFormat(THINK, TOOL_FORMATS["hermes"]), CALL, 3, schemas=None) == [TextPart(CALL)]


PIECES = st.lists(
    st.sampled_from(
        [
            "<think>",
            "</think>",
            "<tool_call>",
            "</tool_call>",
            '{"name": "f", "arguments": {}}',
            "<",
            "x",
            " ",
            "\n",
            "é",
        ]
    ),
    max_size=12,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(PIECES, st.integers(1, 5), st.booleans())
def test_the_cut_of_the_stream_does_not_matter(text: str, size: int, thinking: bool) -> None:
    reply, tail = ReplyFormat(THINK, TOOL_FORMATS["hermes"]), "<think>" if thinking else ""
    assert parts(reply, text, size, tail) == parts(reply, text, max(1, len(text)), tail)


def test_control_tokens_stay_where_they_are_read() -> None:
    reply = ReplyFormat(THINK, TOOL_FORMATS["mistral"])
    assert reply.spellings(False) == {"<think>", "</think>"}
    assert reply.spellings(True) >= {"<think>", "[TOOL_CALLS]", "[ARGS]"}
    assert '<|"|>' in ReplyFormat(None, TOOL_FORMATS["gemma"]).spellings(True)
    assert "<|channel|>" in HARMONY.spellings(False) and ReplyFormat().spellings(True) == frozenset()


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="hermes"):
        format_named("hermess")


def test_cut_holds_back_what_may_be_a_marker() -> None:
    assert cut("ab<th", ["<think>"]) == ("ab", None, "<th")
    assert cut("ab<think>c", ["<think>", "<thin"]) == ("ab", "<think>", "c")
    assert cut("abc", []) == ("abc", None, "")
