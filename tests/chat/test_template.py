"""Templates: the recorded renderings of released models, and transformers itself for everything they do not touch."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest

from causerie.chat.environment import compile_template, jinja_environment
from causerie.chat.template import ChatTemplate, RenderOptions
from causerie.chat.tool_schema import function_schema, tool_schema
from causerie.errors import BackendUnavailable, CauserieError, CheckpointError, MessageError, TemplateError, UsageError

from .conftest import CHATML

USER = [{"role": "user", "content": "Hi"}]


def chatml(**more: Any) -> ChatTemplate:
    return ChatTemplate(CHATML, **more)


def render(source: str, **options: Any) -> str:
    return ChatTemplate(source).render(options.pop("messages", USER), **options)


def reference(source: str, messages: list[Any] | None = None, **options: Any) -> str:
    from transformers.utils.chat_template_utils import render_jinja_template

    texts, _ = render_jinja_template(conversations=[messages or USER], chat_template=source, **options)
    return str(texts[0])


def test_recorded_renderings(conformance: Path) -> None:
    recorded = json.loads((conformance / "renderings.json").read_text(encoding="utf-8"))
    now = datetime.fromisoformat(recorded["now"])
    special = {name: recorded[name] for name in ("bos_token", "eos_token")}
    wrong = []
    counts = {"text": 0, "refused": 0}
    for name, expected in recorded["expected"].items():
        source = (conformance / "templates" / f"{name}.jinja").read_text(encoding="utf-8")
        template = ChatTemplate(source, special, clock=lambda: now)
        for case, outcome in expected.items():
            options = {"add_generation_prompt": True, **recorded["cases"][case]["options"]}
            arguments = ("tools", "documents", "add_generation_prompt", "continue_final_message")
            keywords = {name: options.pop(name) for name in arguments if name in options}
            try:
                text = template.render(recorded["cases"][case]["messages"], variables=options, **keywords)
            except TemplateError as error:
                own = outcome.get("message", "")
                if "text" in outcome or own not in str(error):
                    wrong.append((name, case, str(error)))
                counts["refused"] += 1
            else:
                if text != outcome.get("text"):
                    wrong.append((name, case, text))
                counts["text"] += 1
    assert not wrong
    assert counts == {"text": 619, "refused": 53}


SOURCES = [
    "{{ messages | tojson }}|{{ messages[0] | tojson(indent=2) }}|{{ {'b': 1, 'a': 'é<'} | tojson(sort_keys=true) }}",
    "{%- set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
    "{% for i in [0, 1, 3] %}{% if i==1 %}{% continue %}{%endif%}{% if i > 2 %}{% break %}{% endif %}{{ i }}{%endfor%}",
    "  {% if true %}\n  x\n  {% endif %}\n\ny\n",
    "{% generation %}a{% endgeneration %}b{{ dict(a=1) }}{{ dict.fromkeys(['x']) }}{{ dict([('k', 2)]) }}",
    "{{ tools is none }}{{ documents is none }}{{ absent is defined }}{{ add_generation_prompt }}{{ absent }}",
    "{{ messages[0].get('content', '')[::-1] }}{{ messages[0]['content'].split('i') }}{{ 'a' * 3 }}{{ 2 ** 5 }}",
    "{{ strftime_now is defined }}{{ raise_exception is defined }}{{ messages[0].content | trim | upper | length }}",
    "{% macro m(x) %}[{{ x }}]{% endmacro %}{{ m(messages[0].role) }}{% set x %}{{ m(1) }}{% endset %}{{ x }}",
]


@pytest.mark.parametrize("source", SOURCES)
def test_the_language_is_the_references(source: str) -> None:
    assert render(source) == reference(source)


class Colour(Enum):
    RED = "red"
    BLUE = 2


@dataclass
class Point:
    x: int
    label: str


class Odd(str):
    pass


def test_values_become_plain_as_in_the_reference() -> None:
    import numpy as np

    content = [
        np.float32(1.5),
        np.bool_(False),
        Odd("o"),
        (1, 2),
        Point(1, "p"),
        object,
        {"k": np.int64(3)},
        True,
        None,
    ]
    messages = [{"role": "user", "content": content, "name": None}]
    source = "{{ messages[0].content[:5] }}{{ messages[0].content[6:] }}{{ 'name' in messages[0] }}"
    # The reference drops None values in apply_chat_template, before this function.
    plain = [{key: value for key, value in messages[0].items() if value is not None}]
    assert render(source, messages=messages) == reference(source, plain)
    assert render("{{ messages[0].content[5] }}", messages=messages) == "<type>"


def test_reasoning_goes_by_each_of_its_names() -> None:
    source = "{{ messages[-1] | tojson }}"
    for name in ("reasoning_content", "thinking", "reasoning"):
        messages = [*USER, {"role": "assistant", "content": "4", name: "two and two"}]
        assert render(source, messages=messages) == reference(source, messages)


PREFILL = "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</>{% endfor %}"


@pytest.mark.parametrize("source", [CHATML, PREFILL])
@pytest.mark.parametrize("final", ["Snow falls", " spaced \n", ""])
def test_the_final_message_can_be_left_open(source: str, final: str) -> None:
    messages = [*USER, {"role": "assistant", "content": final}]
    ours = render(source, messages=messages, continue_final_message=True)
    assert ours == reference(source, messages, continue_final_message=True)
    assert messages[-1]["content"] == final


def test_other_fields_and_parts_can_be_left_open() -> None:
    source = "{{ messages[-1].reasoning_content }}|{{ messages[-1].content }}"
    messages = [*USER, {"role": "assistant", "content": "x", "thinking": "so far"}]
    options: dict[str, Any] = {"continue_final_message": "thinking"}
    assert render(source, messages=messages, **options) == reference(source, messages, **options) == "so far"
    parts = [*USER, {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]
    listed = "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}"
    listed += "{{ p.text }}{% endfor %}{% endif %};{% endfor %}"
    assert render(listed, messages=parts, continue_final_message=True) == reference(
        listed, parts, continue_final_message=True
    )
    assert parts[-1]["content"][1] == {"type": "text", "text": "b"}


def test_what_cannot_be_continued_is_refused() -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        render(CHATML, continue_final_message=True, add_generation_prompt=True)
    with pytest.raises(UsageError, match="field to continue"):
        render(CHATML, continue_final_message="thoughts")
    with pytest.raises(TemplateError, match="does not read"):
        render("{{ messages[0].role }}", continue_final_message=True)
    with pytest.raises(TemplateError, match="drops or rewrites"):
        render("{# content #}x", continue_final_message=True)


def test_the_assistants_spans() -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    source = "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}</>"
    source += "{% endgeneration %}{% else %}{{ m.content }}</>{% endif %}{% endfor %}"
    messages = [*USER, {"role": "assistant", "content": "Hello"}, *USER, {"role": "assistant", "content": "Yes"}]
    rendered = ChatTemplate(source).render_with(messages, RenderOptions())
    texts, spans = render_jinja_template([messages], chat_template=source, return_assistant_tokens_mask=True)
    assert (rendered.text, rendered.assistant) == (texts[0], spans[0])
    assert [rendered.text[start:end] for start, end in rendered.assistant] == ["Hello</>", "Yes</>"]


def test_the_clock_can_be_set() -> None:
    template = ChatTemplate("{{ strftime_now('%d %b %Y') }}", clock=lambda: datetime(2026, 1, 2))
    assert template.render(USER) == "02 Jan 2026"


def test_variables_reach_the_template_and_win_over_special_tokens() -> None:
    template = ChatTemplate("{{ bos_token }}{{ mood }}", {"bos_token": "<s>"})
    assert template.render(USER, variables={"mood": "calm"}) == "<s>calm"
    assert template.render(USER, variables={"bos_token": "!"}) == "!"
    with pytest.raises(UsageError, match=r"it is the chat itself\. Leave it out"):
        template.render(USER, variables={"messages": []})
    with pytest.raises(UsageError, match="'add_generation_prompt' cannot be a variable of the template: it is"):
        template.render(USER, variables={"add_generation_prompt": False})


ESCAPES = [
    "{{ ''.__class__.__mro__ }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ namespace.__init__ }}",
    "{{ raise_exception.__globals__ }}",
    "{{ strftime_now.__closure__ }}",
    "{% set ns = namespace(__class__=1) %}",
    "{% set ns = namespace() %}{% set ns.__x = 1 %}",
    "{{ self._TemplateReference__context.causerie_tracker }}",
    "{{ messages.append(1) }}",
    "{{ 'a' * 1000000000 }}",
    "{{ [1] * 99999999999 }}",
    "{{ 10 ** 1000000000 }}",
    "{{ '%s'.format.__self__ }}{{ 'x'.format_map.__self__.__class__ }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% for i in range(999999999) %}{% endfor %}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_templates_stay_in_the_sandbox(source: str) -> None:
    with pytest.raises(TemplateError):
        text = render(source)
        if text.strip("{}'") == "":  # an unsafe attribute that printed as undefined reached nothing either
            raise TemplateError("undefined")


def test_an_endless_template_is_stopped_by_its_output() -> None:
    with pytest.raises(TemplateError, match="writes more than"):
        render("{% for i in range(9000) %}{{ 'x' * 9999 }}{% endfor %}")


@pytest.mark.parametrize("depth", [150, 6000])
def test_a_template_nested_too_deeply_is_refused(depth: int) -> None:
    with pytest.raises(TemplateError, match="nested too deeply"):
        render("{% if x %}" * depth + "{% endif %}" * depth)


def test_a_template_that_refuses_or_fails_speaks_for_itself() -> None:
    with pytest.raises(TemplateError, match=r"Only two roles.*line 2"):
        render("a\n{{ raise_exception('Only two roles') }}")
    with pytest.raises(TemplateError, match=r"TypeError.*line 3"):
        render("a\n\n{{ 'x' + 1 }}")
    with pytest.raises(TemplateError, match="line 2"):
        render("a\n{% if %}")


def test_an_old_jinja_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import jinja2

    monkeypatch.setattr(jinja2, "__version__", "3.1.5")
    jinja_environment.cache_clear()
    compile_template.cache_clear()
    try:
        with pytest.raises(BackendUnavailable, match=r"3\.1\.6"):
            render("x")
    finally:
        jinja_environment.cache_clear()


def test_a_base_model_has_no_template() -> None:
    with pytest.raises(TemplateError, match="base model"):
        ChatTemplate(None).render(USER)
    assert ChatTemplate(None).render(USER, template="{{ messages[0].content }}") == "Hi"


def test_named_templates() -> None:
    template = ChatTemplate({"default": "d", "tool_use": "t", "rag": "r"})
    tools = [{"type": "function"}]
    rendered = [template.render(USER), template.render(USER, tools=tools), template.render(USER, template="rag")]
    assert rendered == ["d", "t", "r"]
    with pytest.raises(TemplateError, match="only: a, b"):
        ChatTemplate({"b": "x", "a": "y"}).render(USER)


def test_where_templates_are_found(tmp_path: Path) -> None:
    def templates(config: dict[str, Any] | None = None) -> dict[str, str]:
        return ChatTemplate.from_folder(tmp_path, {}, config or {}).sources

    assert templates() == {}
    (tmp_path / "chat_template.json").write_text('{"chat_template": "oldest"}', encoding="utf-8")
    assert templates() == {"default": "oldest"}
    assert templates({"chat_template": "text"}) == {"default": "text"}
    listed = [{"name": "default", "template": "one"}, {"name": "tool_use", "template": "two"}]
    assert templates({"chat_template": listed}) == {"default": "one", "tool_use": "two"}
    (tmp_path / "additional_chat_templates").mkdir()
    (tmp_path / "additional_chat_templates" / "rag.jinja").write_text("rag", encoding="utf-8")
    assert templates({"chat_template": "text"}) == {"rag": "rag"}
    (tmp_path / "chat_template.jinja").write_bytes(b"own\r\nlines")
    assert templates({"chat_template": "text"}) == {"default": "own\nlines", "rag": "rag"}
    (tmp_path / "chat_template.jinja").write_bytes(b"\xff")
    with pytest.raises(CheckpointError, match="not UTF-8"):
        templates()
    with pytest.raises(CheckpointError, match="unknown form"):
        ChatTemplate(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("messages", [[], (), "hi", None, {"role": "user"}, ["hi"], [3], [{"content": "x"}]])
def test_what_is_no_chat_is_refused(messages: Any) -> None:
    with pytest.raises(MessageError):
        chatml().render(messages)


def no_docstring(a: int) -> int:
    return a


def everything(
    a: int,
    b: float,
    c: str = "x",
    d: bool = True,
    e: list[str] | None = None,
    f: int | str = 1,
    g: Literal["p", "q"] = "p",
    h: Literal[1, "one"] = 1,
    i: Colour = Colour.RED,
    j: dict[str, int] | None = None,
    k: tuple[int, str] = (1, ""),
    m: list = [],  # noqa: B006
    n: list[int] | dict[str, str] = [],  # noqa: B006
    o: Any = None,
) -> dict[str, float]:
    """
    Does everything, over
    two lines.

    And a second paragraph.

    Args:
        a: The first.
        b: The second: with a colon
            and a second line
                and a third, deeper.
        c: Text (choices: ["x", " y "])
        d: Flag.
        e: Names.

        f: Either.
        g: Letter.
        h: Mixed.
        i: Colour.
        j: Counts.
        k: Pair.
        m: Any list.
        n: List or dict.
        o: Anything.

    Returns:
        Numbers by name.

    Raises:
        ValueError: never.
    """
    raise ValueError(a, b, c, d, e, f, g, h, i, j, k, m, n, o)


class Box:
    def method(self, what: str) -> object:
        """Uses a method.

        Args:
            what: The thing."""
        return what


def bare() -> None:
    """Nothing to say of arguments."""


@pytest.mark.parametrize("function", [everything, Box().method, bare])
def test_functions_are_described_as_in_the_reference(function: Callable[..., Any]) -> None:
    from transformers.utils import get_json_schema

    assert json.dumps(function_schema(function)) == json.dumps(get_json_schema(function))


def test_functions_that_cannot_be_described_are_refused() -> None:
    def undescribed(a: int) -> None:
        """Does something."""

    def unhinted(a) -> None:  # type: ignore[no-untyped-def]
        """Does something.

        Args:
            a: It."""

    def strange(a: Path) -> None:
        """Does something.

        Args:
            a: It."""

    for function, words in (
        (no_docstring, "no docstring"),
        (undescribed, "does not describe"),
        (unhinted, "no type hint"),
        (strange, "no JSON schema"),
    ):
        with pytest.raises(UsageError, match=words):
            tool_schema(function)
    with pytest.raises(UsageError, match="must be a JSON schema"):
        tool_schema(3)  # type: ignore[arg-type]


def test_tools_and_documents_reach_the_template() -> None:
    source = "{{ tools | tojson }}{{ documents | tojson }}"
    documents = [{"title": "T", "text": "x"}]
    assert render(source, tools=[bare], documents=documents) == reference(source, tools=[bare], documents=documents)
    with pytest.raises(UsageError, match="Document 0"):
        render(source, documents=["x"])


def test_messages_are_never_changed() -> None:
    message = {"role": "assistant", "content": "x", "tool_calls": None, "reasoning": "r"}
    messages = [*USER, message]
    before = json.dumps(messages)
    chatml().render(messages, continue_final_message=True)
    assert json.dumps(messages) == before


def test_every_refusal_is_an_error_of_ours() -> None:
    assert issubclass(TemplateError, CauserieError)


@pytest.mark.parametrize(("length", "shown"), [(58, f"'{'x' * 58}'"), (59, f"'{'x' * 56}…")])
def test_what_is_no_message_is_shown_up_to_sixty_characters(length: int, shown: str) -> None:
    messages: Any = ["x" * length]
    with pytest.raises(MessageError) as caught:
        chatml().render(messages)
    assert f"Message 0 is {shown}, a str;" in str(caught.value)
