"""Which roles a template knows, and whose fault it is where one refuses a chat."""

from __future__ import annotations

from pathlib import Path

import pytest

from causerie.chat.chat_format import ChatFormat
from causerie.chat.messages import checked_chat
from causerie.chat.template import ChatTemplate
from causerie.errors import MessageError, TemplateError

from .test_chat import SYSTEM, tokenizer_of

# Who names them: OpenAI (the first five, function), Llama 3.1 (ipython), Granite and Cohere (documents), Gemma (model),
# Hunyuan and Falcon (tool_response, tool_call), GLM (observation), DeepSeek 3.2 (latest_reminder).
FIELD = """system developer user assistant tool function ipython context documents model tool_response tool_call
environment observation latest_reminder"""
ONLY_AFTER_AN_ANSWER = """{%- for m in messages -%}
{%- if m.role in ['user', 'assistant'] -%}{{ m.content }}
{%- elif loop.index0 and messages[loop.index0 - 1].role == 'assistant' and messages[loop.index0 - 1].content -%}
[{{ m.content }}]{%- else -%}{{ raise_exception('who is that?') }}{%- endif -%}{%- endfor -%}"""


@pytest.mark.parametrize("role", FIELD.split())
def test_a_role_of_the_field_is_known_whatever_the_template_names(role: str) -> None:
    assert checked_chat([{"role": role, "content": "x"}]) == [{"role": role, "content": "x"}]


def test_a_role_that_a_template_writes_only_after_an_answer_is_known(small: Path) -> None:
    chat_format = ChatFormat(tokenizer_of(small), ChatTemplate(ONLY_AFTER_AN_ANSWER))
    asked = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert chat_format.prompt([*asked, {"role": "critic", "content": "c"}]).text == "ab[c]"
    silent = "{% for m in messages if m.role in ['user', 'assistant'] %}{{ m.content }}{% endfor %}"
    with pytest.raises(MessageError, match="unknown role 'critic'"):
        ChatFormat(tokenizer_of(small), ChatTemplate(silent)).prompt([*asked, {"role": "critic", "content": "c"}])


@pytest.mark.parametrize(("role", "known"), [("", False), ("c", True), ("c" * 64, True), ("c" * 65, False)])
def test_how_long_a_role_of_a_template_that_writes_any_may_be(role: str, known: bool, small: Path) -> None:
    writes_any = "{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}"
    chat_format = ChatFormat(tokenizer_of(small), ChatTemplate(writes_any))
    chat = [{"role": role, "content": "a"}]
    if known:
        assert chat_format.prompt(chat).text == f"{role}: a"
    else:
        with pytest.raises(MessageError, match=f"unknown role '{role}'"):
            chat_format.prompt(chat)


def test_a_system_role_is_blamed_only_where_it_is_what_the_template_refuses(small: Path) -> None:
    refuses_it = "{% if messages[0].role == 'system' %}{{ raise_exception('not here') }}{% endif %}"
    refuses_all = "{{ raise_exception('not here') }}"
    for source, chat, blamed in (
        (refuses_it, SYSTEM, True),
        (refuses_all, SYSTEM, False),
        (refuses_all, SYSTEM[1:], False),
    ):
        with pytest.raises(TemplateError, match="not here") as raised:
            ChatFormat(tokenizer_of(small), ChatTemplate(source)).prompt(chat)
        assert ("no system role" in str(raised.value)) is blamed
    # A chat that it refuses for another reason, though it would refuse a system message too.
    either = (
        refuses_it
        + "{% if messages | length > 1 %}{{ raise_exception('not here') }}{% endif %}{{ messages[0].content }}"
    )
    two = [*SYSTEM[1:], {"role": "assistant", "content": "x"}]
    with pytest.raises(TemplateError, match="not here") as raised:
        ChatFormat(tokenizer_of(small), ChatTemplate(either)).prompt(two)
    assert "no system role" not in str(raised.value)
