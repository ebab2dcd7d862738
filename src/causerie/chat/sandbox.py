"""What the Jinja sandbox of chat templates adds to Jinja's own: the generation tag, safe namespaces, bounded products.

Imported only where a template is compiled, because it imports Jinja.
"""

from __future__ import annotations

from typing import Any

from jinja2 import nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace


class ChatEnvironment(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox, which also refuses products and powers whose result would fill the memory."""

    intercepted_binops = frozenset({"*", "**"})
    largest_product = 10_000_000

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "*":
            for text, count in ((left, right), (right, left)):
                if isinstance(text, (str, list, tuple)) and isinstance(count, int):
                    self._check(len(text) * max(count, 0))
        elif isinstance(left, int) and isinstance(right, int):
            self._check(left.bit_length() * max(right, 0))
        return super().call_binop(context, operator, left, right)

    def _check(self, size: int) -> None:
        if size > self.largest_product:
            raise SecurityError(f"a product of size {size} is refused")


class ChatNamespace(Namespace):
    """Jinja's namespace without names that begin with an underscore, which lead into Python's insides."""

    def __init__(*args: Any, **named: Any) -> None:
        self, *rest = args
        values = dict(*rest, **named)
        for name in values:
            _check_name(name)
        Namespace.__init__(self, values)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)


def _check_name(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a namespace may not have the attribute {name!r}: names there do not begin with _")


class DictMaker:
    """`dict(…)` and `dict.fromkeys` for templates, without the rest of the class."""

    def __call__(self, *pairs: Any, **named: Any) -> dict[Any, Any]:
        return dict(*pairs, **named)

    def fromkeys(self, *arguments: Any) -> dict[Any, Any]:
        return dict.fromkeys(*arguments)


class GenerationTag(Extension):
    """`{% generation %}…{% endgeneration %}`: the text passes through, and its span is noted in the rendering's
    tracker."""

    tags = {"generation"}  # noqa: RUF012  Jinja declares it so

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_note"), [], [], body).set_lineno(line)

    @pass_context
    def _note(self, context: Context, caller: Macro) -> str:
        text = str(caller())
        tracker = getattr(context, "causerie_tracker", None)
        if tracker is not None:
            tracker.spans.append((tracker.length, tracker.length + len(text)))
        return text
