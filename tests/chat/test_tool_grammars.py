"""Answers that must call a tool: what released templates write is allowed, other calls are not, and whatever is allowed
is read back as a call whose arguments are those of the tool."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Any

import jsonschema_rs
import numpy as np
import openai
import pytest
from pydantic import BaseModel
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from causerie.chat.parse import ReplyFormat
from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats import TOOL_FORMATS, ToolFormat
from causerie.chat.tool_formats.rules import Rules
from causerie.errors import TemplateError
from causerie.text import tokenizer as text
from causerie.text.schema_references import moved
from causerie.text.structure import CompiledGrammar, GrammarMatcher, grammar_of
from tests.chat.test_parse import ARGUMENTS, BEGUN, FAMILIES, SCHEMAS, parts, written

END = "<|the end|>"
OTHER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "unit": {"enum": ["C", "F"]},
        "depth": {"type": "number"},
        "deep": {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]},
    },
    "additionalProperties": False,
}


class Kind(Enum):
    """Its values are texts that look like something else, too."""

    ONE = "1"
    NULL = "null"
    WORD = "a word"


class Place(BaseModel):
    kind: Kind
    near: Kind | None
    on: bool


class Tree(BaseModel):
    size: int
    children: list[Tree]


TOOLS = {"get_weather": {**SCHEMAS["get_weather"], "additionalProperties": False}, "set_unit": OTHER}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> text.Tokenizer:
    """Bytes, and every control token that any format names."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({letter: place for place, letter in enumerate(alphabet)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    marks = {mark for format in TOOL_FORMATS.values() for mark in format.spellings if len(mark) > 1} | {"<|start|>"}
    made.add_special_tokens([AddedToken(mark, special=True) for mark in [END, *sorted(marks)]])
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made.save(str(path))
    return text.Tokenizer.from_folder(path.parent)


def made_by_pydantic() -> dict[str, Any]:
    """Tools as openai's client makes them of classes: with `$defs`, and a schema that leads to itself."""
    tools: list[Any] = [openai.pydantic_function_tool(each) for each in (Place, Tree)]
    return {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools}


def matcher_of(
    format: ToolFormat, tokenizer: text.Tokenizer, *, several: bool = True, tools: dict[str, Any] = TOOLS
) -> GrammarMatcher:
    schemas, definitions = moved(tools)
    rules = Rules(tokenizer.added_tokens, definitions)
    grammar = grammar_of({"type": "grammar", "grammar": rules.grammar(format.write(rules, schemas, several))})
    assert grammar is not None
    end = tokenizer.added_tokens[END]
    return CompiledGrammar(grammar, tokenizer, len(tokenizer), (end,)).matcher()


def allowed(matcher: GrammarMatcher, tokenizer: text.Tokenizer) -> np.ndarray[Any, Any]:
    """The tokens that may come next."""
    row = np.zeros(len(tokenizer), np.float32)
    matcher.forbid(row)
    return np.flatnonzero(np.isfinite(row))


def refused_at(format: ToolFormat, tokenizer: text.Tokenizer, answer: str, tools: dict[str, Any] = TOOLS) -> str | None:
    """What is left of an answer where it is refused; None where it is allowed and may end."""
    matcher = matcher_of(format, tokenizer, tools=tools)
    tokens = tokenizer.encode(answer)
    for place, token in enumerate([*tokens, tokenizer.added_tokens[END]]):
        if token not in allowed(matcher, tokenizer):
            return tokenizer.decode(tokens[place:], skip_special_tokens=False) or END
        matcher.advance([token])
    return None


ONE_CALL = ("llama_json", "harmony")  # their templates refuse several


@pytest.mark.parametrize(("name", "format"), FAMILIES.items())
def test_what_templates_write_is_allowed(conformance: Path, tokenizer: text.Tokenizer, name: str, format: str) -> None:
    source = (conformance / "templates" / f"{name}.jinja").read_text(encoding="utf-8")
    calls = [ARGUMENTS] if format in ONE_CALL else [ARGUMENTS, {"city": "Gent"}]
    try:
        _, answer = written(source, *calls)
    except TemplateError:
        _, answer = written(source, *map(json.dumps, calls))
    answer = answer.rpartition("</think>")[2].strip()
    for end in ("<seed:eos>", "<|role_end|>", "<|end_of_text|>", "<｜end▁of▁sentence｜><｜Assistant｜>", "<|call|>"):
        answer = answer.removesuffix(end)
    if TOOL_FORMATS[format].channels is not None:
        answer = " " + answer
    assert answer.count("city") == len(calls) and refused_at(TOOL_FORMATS[format], tokenizer, answer) is None


@pytest.mark.parametrize("format", TOOL_FORMATS.values(), ids=lambda format: format.name)
def test_other_calls_are_not(tokenizer: text.Tokenizer, format: ToolFormat) -> None:
    good = written_by(format, "get_weather", {"city": "Gent", "days": 3})
    assert refused_at(format, tokenizer, good) is None
    for wrong in (
        good.replace("get_weather", "get_money"),
        good.replace("city", "town"),
        good.replace("3", '"x"') if '"days": 3' in good else good.replace("3", "x"),
        written_by(format, "get_weather", {"days": 3}),  # the city must be there
        written_by(format, "set_unit", {"unit": "K"}),
        good[:-1],
        good + " So there.",
        "Hello",
    ):
        assert refused_at(format, tokenizer, wrong) is not None, wrong


NUMBER = {"type": "number"}
SORTED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "z": {"type": "object", "properties": {"y": NUMBER, "x": NUMBER}, "required": ["y"]},
        "B": {"enum": ["on", True]},
        "a": {},
    },
    "required": ["z"],
}


@pytest.mark.parametrize(
    ("arguments", "fits"),
    [
        ("z:{y:1}", True),
        ("z:{x:2,y:1}", True),
        ("a:null,z:{y:1}", True),
        ('a:[{k:<|"|>"}{<|"|>},-2.5e-3,{}],B:<|"|>on<|"|>,z:{y:1}', True),
        ("B:true,z:{y:1}", True),
        ("z:{y:1},a:null", False),
        ("B:true,a:null,z:{y:1}", False),
        ("z:{y:1,x:2}", False),
        ("z:{x:2}", False),
        ('B:<|"|>off<|"|>,z:{y:1}', False),
        ("B:true", False),
    ],
)
def test_gemmas_keys_come_in_their_order_of_letters(tokenizer: text.Tokenizer, arguments: str, fits: bool) -> None:
    answer = f"<|tool_call>call:f{{{arguments}}}<tool_call|>"
    assert (refused_at(TOOL_FORMATS["gemma"], tokenizer, answer, {"f": SORTED}) is None) == fits


@pytest.mark.parametrize("only", TOOLS)
@pytest.mark.parametrize("format", TOOL_FORMATS.values(), ids=lambda format: format.name)
def test_one_tool_alone(tokenizer: text.Tokenizer, format: ToolFormat, only: str) -> None:
    calls: dict[str, dict[str, Any]] = {"get_weather": {"city": "Gent", "days": 3}, "set_unit": {"depth": 2}}
    for name, arguments in calls.items():
        left = refused_at(format, tokenizer, written_by(format, name, arguments), {only: TOOLS[only]})
        assert (left is None) == (name == only)


@pytest.mark.parametrize("tools", [TOOLS, made_by_pydantic()], ids=["plain", "pydantic"])
@pytest.mark.parametrize("format", TOOL_FORMATS.values(), ids=lambda format: format.name)
def test_what_is_allowed_is_read_back(tokenizer: text.Tokenizer, format: ToolFormat, tools: dict[str, Any]) -> None:
    reply, tail = ReplyFormat(None, format), BEGUN if format.channels is not None else ""
    end, letters = tokenizer.added_tokens[END], set(tokenizer.encode('aC01",:{}[]()=<>/ \nTrueFalse'))
    for seed in range(12):
        draw = np.random.default_rng(seed)
        matcher, tokens = matcher_of(format, tokenizer, several=bool(seed % 2), tools=tools), []
        for place in range(3000):
            choices = allowed(matcher, tokenizer)
            likely = [token for token in choices if token in letters or token >= 256] or choices.tolist()
            if place > 150:  # to an end, by what can close something
                closing = tokenizer.encode('"}])\n</>e')
                likely = [token for token in choices if token >= 256] or [t for t in closing if t in choices] or likely
            token = end if end in choices and place > 20 else int(draw.choice(likely))
            if token == end:
                break
            tokens.append(token)
            matcher.advance([token])
        else:
            pytest.fail(f"no end: {tokenizer.decode(tokens, skip_special_tokens=False)[-200:]!r}")
        answer = tokenizer.decode(tokens, skip_special_tokens=False)
        calls = [part for part in parts(reply, answer, 5, tail, tools) if isinstance(part, ToolCallPart)]
        assert calls, answer
        for call in calls:
            jsonschema_rs.validator_for(tools[call.name]).validate(json.loads(call.arguments))


def written_by(format: ToolFormat, name: str, arguments: dict[str, Any]) -> str:
    """A call as the format's models write it."""
    bare = json.dumps(arguments)
    python = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    lines = "".join(f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in arguments.items())
    tight = "".join(f"<parameter={key}>{value}</parameter>\n" for key, value in arguments.items())
    pairs = "".join(f"<arg_key>{key}</arg_key>\n<arg_value>{value}</arg_value>\n" for key, value in arguments.items())
    named = "".join(f'<parameter name="{key}">{value}</parameter>\n' for key, value in arguments.items())
    marked = ",".join(
        f'{key}:<|"|>{value}<|"|>' if isinstance(value, str) else f"{key}:{value}" for key, value in arguments.items()
    )
    tencent = f"<tool_calls>\n<tool_call>{name}<tool_sep>\n{pairs}</tool_call>\n</tool_calls>"
    cohere = f'{{"tool_call_id": "0", "tool_name": "{name}", "parameters": {bare}}}'
    atem = f'<invoke name="{name}">\n{named}</invoke>\n</function_calls>'.replace("</", "</atem:").replace(
        "<i", "<atem:i"
    )
    muse = f" to={name}<|message|><atem:function_calls>\n{atem.replace('<p', '<atem:p')}"
    separated = "<｜tool▁call▁begin｜>{}<｜tool▁call▁end｜>"
    return {
        "hermes": f'<tool_call>\n{{"name": "{name}", "arguments": {bare}}}\n</tool_call>',
        "llama_json": f'{{"name": "{name}", "parameters": {bare}}}',
        "qwen_xml": f"<tool_call>\n<function={name}>\n{lines}</function>\n</tool_call>",
        "seed_xml": f"<seed:tool_call>\n<function={name}>\n{tight}</function>\n</seed:tool_call>",
        "glm": f"<tool_call>{name}\n{pairs}</tool_call>",
        "pythonic": f"[{name}({python})]",
        "lfm": f"<|tool_call_start|>[{name}({python})]<|tool_call_end|>",
        "mistral": f'[TOOL_CALLS][{{"name": "{name}", "arguments": {bare}}}]',
        "mistral_named": f"[TOOL_CALLS]{name}[ARGS]{bare}",
        "deepseek": "<｜tool▁calls▁begin｜>" + separated.format(f"{name}<｜tool▁sep｜>{bare}") + "<｜tool▁calls▁end｜>",
        "deepseek_fenced": "<｜tool▁calls▁begin｜>"
        + separated.format(f"function<｜tool▁sep｜>{name}\n```json\n{bare}\n```")
        + "<｜tool▁calls▁end｜>",
        "kimi": "<|tool_calls_section_begin|><|tool_call_begin|>functions."
        f"{name}:0<|tool_call_argument_begin|>{bare}<|tool_call_end|><|tool_calls_section_end|>",
        "gemma": f"<|tool_call>call:{name}{{{marked}}}<tool_call|>",
        "minimax": f'<minimax:tool_call>\n<invoke name="{name}">\n{named}</invoke>\n</minimax:tool_call>',
        "hunyuan": tencent.replace(">", ":opensource>"),
        "apertus": f'<|tools_prefix|>[{{"{name}": {bare}}}]<|tools_suffix|>',
        "cohere": f"<|START_ACTION|>[\n    {cohere}\n]<|END_ACTION|>",
        "muse": f" to=self<|message|>Hm.<|eom|>{BEGUN}{muse}",
        "harmony": "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions."
        f"{name} <|constrain|>json<|message|>{bare}",
    }[format.name]
