"""The Jinja that chat templates are written for: the same sandbox, filters and names as in transformers 5.23.

Whitespace around blocks is trimmed, `tojson` does not escape HTML, `raise_exception` refuses a chat, and
`{% generation %}` marks what the assistant wrote. Knows nothing of messages. Nothing is shared between renderings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from causerie.errors import BackendUnavailable, TemplateError

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment

Span = tuple[int, int]
Clock = Callable[[], datetime]

# Older versions let a template out of the sandbox (CVE-2025-27516 and earlier).
_OLDEST_JINJA = (3, 1, 6)
# A prompt never comes near these; they stop a hostile template from eating the machine's memory.
_LONGEST_TEXT = 64 * 1024 * 1024
_LARGEST_PRODUCT = 10_000_000
_LONGEST_SOURCE = 4 * 1024 * 1024


def render_source(source: str, variables: Mapping[str, Any], clock: Clock) -> tuple[str, list[Span]]:
    """The text that a template makes of `variables`, and the spans of it inside `{% generation %}` blocks (character
    offsets). TemplateError with the template's own words if it refuses or fails."""
    from jinja2 import TemplateError as JinjaError
    from jinja2 import TemplateSyntaxError

    try:
        template = compile_template(source)
    except TemplateSyntaxError as error:
        raise TemplateError(
            f"The chat template is not valid Jinja, line {error.lineno}: {error.message}. Correct "
            "chat_template.jinja, or pass another template."
        ) from error
    except (RecursionError, SyntaxError, MemoryError) as error:  # the Python it becomes has limits of its own
        raise TemplateError("The chat template is nested too deeply to be compiled. Pass another template.") from error
    try:
        return _run(template, {"strftime_now": _strftime(clock), **variables})
    except TemplateError:
        raise
    except JinjaError as error:
        raise TemplateError(f"The chat template refused this chat: {error}{_where(error, template)}") from error
    except Exception as error:  # a template is a program of the checkpoint's author and can fail in any way
        fault = f"{type(error).__name__}: {error}"
        raise TemplateError(
            f"The chat template failed on this chat ({fault}){_where(error, template)}. Often a message lacks a field "
            "that the template reads, or has a form it does not know."
        ) from error


@lru_cache(maxsize=64)
def compile_template(source: str) -> Template:
    """The compiled template; the same text is compiled once."""
    if len(source) > _LONGEST_SOURCE:
        raise TemplateError(f"The chat template has {len(source)} characters; at most {_LONGEST_SOURCE} are read.")
    return jinja_environment().from_string(source)


@lru_cache(maxsize=64)
def literal_text(source: str) -> str:
    """All that a template can write of its own: its raw text and string constants, joined with NUL characters."""
    from jinja2 import nodes

    tree = jinja_environment().parse(source)
    texts = {node.data for node in tree.find_all(nodes.TemplateData)}
    texts |= {node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str)}
    return "\0".join(sorted(texts))


def _run(template: Template, variables: dict[str, Any]) -> tuple[str, list[Span]]:
    context = template.new_context(variables)
    tracker = _Tracker()
    context.causerie_tracker = tracker  # type: ignore[attr-defined]  # a template cannot reach its context's attributes
    parts: list[str] = []
    for part in template.root_render_func(context):
        parts.append(part)
        tracker.length += len(part)
        if tracker.length > _LONGEST_TEXT:
            raise TemplateError(f"The chat template writes more than {_LONGEST_TEXT} characters; it was stopped.")
    return "".join(parts), tracker.spans


class _Tracker:
    """How much one rendering has written, and which of it is the assistant's."""

    def __init__(self) -> None:
        self.length = 0
        self.spans: list[Span] = []


def _where(error: BaseException, template: Template) -> str:
    """The template's line, found in the traceback by the name that Jinja gives to template code."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return f" [template line {line}]" if line is not None else ""


def _strftime(clock: Clock) -> Callable[[str], str]:
    def strftime_now(format: str) -> str:
        return clock().strftime(format)

    return strftime_now


def _tojson(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


@lru_cache(maxsize=1)
def jinja_environment() -> ImmutableSandboxedEnvironment:
    """The environment all chat templates are compiled in. BackendUnavailable if the installed Jinja is too old."""
    import jinja2

    if _version(jinja2.__version__) < _OLDEST_JINJA:
        raise BackendUnavailable(
            f"jinja2 {jinja2.__version__} is installed; chat templates need 3.1.6 or later, because earlier "
            "sandboxes can be escaped. Run: pip install -U jinja2"
        )
    from causerie.chat.sandbox import ChatEnvironment, ChatNamespace, DictMaker, GenerationTag

    environment = ChatEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationTag, "jinja2.ext.loopcontrols"]
    )
    environment.largest_product = _LARGEST_PRODUCT

    def raise_exception(message: object) -> str:
        raise jinja2.exceptions.TemplateError(str(message))

    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["dict"] = DictMaker()
    environment.globals["namespace"] = ChatNamespace
    return environment


def _version(text: str) -> tuple[int, ...]:
    numbers = []
    for part in text.split(".")[:3]:
        digits = "".join(character for character in part if character.isdigit())
        numbers.append(int(digits or 0))
    return tuple(numbers)
