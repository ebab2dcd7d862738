"""gpt-oss's chats: what its template writes is read back as what was meant, whichever way a message is headed; and an
answer that reasons, says something and calls a tool goes back into the chat, though the template has one place for
both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from causerie.chat.chat_format import ChatFormat
from causerie.chat.parse import ReplyFormat
from causerie.chat.parts import Part, ReasoningPart, TextPart, ToolCallPart
from causerie.chat.template import ChatTemplate
from causerie.errors import TemplateError
from causerie.text.tokenizer import Tokenizer

BEGUN = "<|start|>assistant"
HM, CALL = ReasoningPart("hm"), ToolCallPart("f", '{"a": 1}')
ANALYSIS = "<|channel|>analysis<|message|>hm<|end|><|start|>assistant"
PREAMBLE = (
    "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant<|channel|>commentary to=functions.f "
    '<|constrain|>json<|message|>{"a": 1}<|call|>'
)
QUESTION = {"role": "user", "content": "Is it warm?"}
CALLED = {"id": "c", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
RESULT = {"role": "tool", "tool_call_id": "c", "content": "21 degrees"}
ENDS = '<|start|>functions.f to=assistant<|channel|>commentary<|message|>"21 degrees"<|end|><|start|>assistant'


@pytest.fixture
def template(conformance: Path) -> ChatTemplate:
    return ChatTemplate((conformance / "templates" / "openai-gpt-oss-120b.jinja").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (" to=functions.f<|channel|>commentary json<|message|>{\"a\": 1}<|call|>", [CALL]),
        ("<|channel|>commentary to=functions.f<|message|>{\"a\": 1}<|call|>", [CALL]),
        ("<|channel|>commentary to=f <|constrain|>json<|message|>{\"a\": 1}<|call|>", [CALL]),
        (f"{ANALYSIS}<|channel|>analysis to=functions.f code<|message|>{{\"a\": 1}}<|call|>", [HM, CALL]),
        (f"{ANALYSIS}<|channel|>final<|message|>It is.<|return|>", [HM, TextPart("It is.")]),
        (
            ANALYSIS + PREAMBLE,
            [HM, TextPart("I look."), CALL],
        ),
        ("<|channel|>commentary to=python code<|message|>1 + 1<|call|>", [TextPart("1 + 1")]),
        ("<|channel|>commentary to=functions.f json<|message|>{\"a\": 1}", [CALL]),
    ],
)  # fmt: skip
def test_every_way_to_head_a_message(answer: str, expected: list[Part], template: ChatTemplate) -> None:
    reply = ReplyFormat.of(template.source())
    for size in range(1, len(answer) + 1):
        parser = reply.parser(BEGUN, {"f": {}})
        parts: list[Part] = []
        for at in range(0, len(answer), size):
            parts += parser.feed(answer[at : at + size])
        parts += parser.finish()
        texts = [part.text for part in parts if isinstance(part, TextPart)]
        assert [part for part in parts if isinstance(part, ToolCallPart)] == [p for p in expected if p == CALL]
        assert "".join(texts) == "".join(part.text for part in expected if isinstance(part, TextPart))
        assert "".join(part.text for part in parts if isinstance(part, ReasoningPart)) == "hm" * (HM in expected)


@pytest.mark.parametrize(
    ("said", "analysis"),
    [
        ({"content": ""}, ""),
        ({"content": "I look."}, "I look."),
        ({"content": None, "reasoning_content": "hm"}, "hm"),
        ({"content": "I look.", "reasoning_content": "hm"}, "hm\n\nI look."),
        ({"content": "I look.", "thinking": "hm"}, "hm\n\nI look."),
        ({"content": "I look.", "reasoning": "hm"}, "hm\n\nI look."),
    ],
)
def test_a_call_goes_back_into_the_chat(
    said: dict[str, Any], analysis: str, template: ChatTemplate, qwen_tokenizer: Tokenizer
) -> None:
    chat = [QUESTION, {"role": "assistant", "tool_calls": [CALLED], **said}, RESULT]
    text = ChatFormat(qwen_tokenizer, template).prompt(chat).text
    thought = f"<|channel|>analysis<|message|>{analysis}<|end|><|start|>assistant" if analysis else ""
    call = f"{BEGUN}{thought} to=functions.f<|channel|>commentary json<|message|>{json.dumps({'a': 1})}<|call|>"
    assert text.endswith(f"Is it warm?<|end|>{call}{ENDS}")
    again = ReplyFormat.of(template.source()).parser(BEGUN, {"f": {}})
    parts = [*again.feed(call.removeprefix(BEGUN)), *again.finish()]
    assert parts == [ReasoningPart(analysis)] * bool(analysis) + [CALL]


def test_templates_with_a_place_for_each_keep_both(qwen_tokenizer: Tokenizer) -> None:
    source = "{% for m in messages %}{{ m.role }}{{ m.reasoning_content }}|{{ m.content }};{% endfor %}"
    chat = [QUESTION, {"role": "assistant", "tool_calls": [CALLED], "content": "I look.", "reasoning": "hm"}]
    text = ChatFormat(qwen_tokenizer, ChatTemplate(source)).prompt(chat, add_generation_prompt=False).text
    assert text.endswith("assistanthm|I look.;")


def test_a_template_that_refuses_for_another_reason_says_so(qwen_tokenizer: Tokenizer) -> None:
    refuses = "{% for m in messages %}{% if m.tool_calls %}{{ raise_exception('no calls') }}{% endif %}{% endfor %}"
    chat = [QUESTION, {"role": "assistant", "tool_calls": [CALLED], "content": "I look.", "thinking": "hm"}]
    with pytest.raises(TemplateError, match="no calls"):
        ChatFormat(qwen_tokenizer, ChatTemplate(refuses)).prompt(chat)
