"""The small faults that are put into one file of Python, as edits of its text, in the order of the file.

It knows Python's syntax and no test. Not changed: annotations, docstrings, sentences (strings with a blank), f-strings,
asserts (`strict=True` of a zip is one), how a dataclass is declared, and what only a type checker reads.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: (r"is\s+not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: (r"not\s+in", "in"),
}
OPERATORS: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "//"),
    ast.FloorDiv: ("//", "*"),
    ast.Div: ("/", "*"),
    ast.Mod: ("%", "*"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
}
REVERSED: dict[type[ast.cmpop], str] = {ast.Lt: ">", ast.LtE: ">=", ast.Gt: "<", ast.GtE: "<="}
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
REMOVED = (ast.Raise, ast.Continue, ast.Break, ast.AugAssign, ast.Delete)
CONDITIONS = (ast.If, ast.While, ast.IfExp)


@dataclass(frozen=True)
class Mutant:
    """One edit of a file: `text` is the whole file after it; `old` and `new` are the lines that it changes, for people
    and for the list of equivalent ones."""

    file: str  # from the root of the project
    line: int
    kind: str
    old: str
    new: str
    text: str


def mutants(file: str, text: str) -> list[Mutant]:
    """Every mutant of a file with the path `file` and the content `text`."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    content = text.encode()
    every: list[Mutant] = []
    edits = set()
    for kind, start, end, new in sorted(_Edits(content, starts).edits(ast.parse(text)), key=lambda edit: edit[1:]):
        if (start, end, new) in edits:
            continue
        edits.add((start, end, new))
        changed = content[:start] + new.encode() + content[end:]
        try:
            compile(changed, file, "exec")
        except SyntaxError:
            continue
        first = content.rfind(b"\n", 0, start) + 1
        last = content.find(b"\n", end) if b"\n" in content[end:] else len(content)
        old_lines, new_lines = content[first:last], content[first:start] + new.encode() + content[end:last]
        number = content.count(b"\n", 0, start) + 1
        every.append(Mutant(file, number, kind, _one_line(old_lines), _one_line(new_lines), changed.decode()))
    return every


def _changes_in_place(node: ast.AST) -> bool:
    """Whether a statement is called for what it does, or sets a part of something."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant | ast.Yield | ast.YieldFrom)
    return isinstance(node, ast.Assign) and all(
        isinstance(each, ast.Attribute | ast.Subscript) for each in node.targets
    )


def _one_line(lines: bytes) -> str:
    return " ".join(lines.decode().split())


Edit = tuple[str, int, int, str]  # kind, bytes from and to, new text


class _Edits:
    """Walks a tree; positions are bytes of the file."""

    def __init__(self, content: bytes, starts: list[int]) -> None:
        self._content, self._starts = content, starts

    def edits(self, node: ast.AST) -> Iterator[Edit]:
        yield from self._own(node)
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "type_comment", "type_params"}:
                continue
            body = value if isinstance(value, list) else [value]
            for index, child in enumerate(body):
                if isinstance(child, ast.AST) and not self._skipped(node, name, index, child):
                    yield from self.edits(child)

    def _skipped(self, parent: ast.AST, name: str, index: int, child: ast.AST) -> bool:
        if isinstance(child, ast.JoinedStr | ast.Assert | ast.Import | ast.ImportFrom):
            return True
        if isinstance(child, ast.keyword) and ast.unparse(child) == "strict=True":
            return True
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):  # docstrings and `...`
            return True
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            return True
        if isinstance(child, ast.AnnAssign) and ast.unparse(child.annotation) == "TypeAlias":
            return True
        if isinstance(child, ast.Assign):
            names = [target.id for target in child.targets if isinstance(target, ast.Name)]
            # Aliases of types and names for `import *` are read by type checkers.
            if "__all__" in names or (isinstance(child.value, ast.Subscript) and names and names[0][:1].isupper()):
                return True
        if name == "decorator_list" and ast.unparse(child).startswith("dataclass("):
            return True
        called = ast.unparse(parent.func) if isinstance(parent, ast.Call) else ""
        return called.endswith(("cast", "TypeVar")) and name == "args" and index == 0

    def _span(self, node: ast.AST) -> tuple[int, int]:
        assert isinstance(node, ast.expr | ast.stmt) and node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[node.end_lineno - 1] + node.end_col_offset

    def _source(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self._content[start:end].decode()

    def _between(self, kind: str, left: ast.AST, right: ast.AST, pattern: str, new: str) -> Iterator[Edit]:
        """The operator that stands between two operands, replaced."""
        start, end = self._span(left)[1], self._span(right)[0]
        gap = self._content[start:end].decode()
        place = re.search(pattern, gap)
        if place and "#" not in gap[: place.start()]:
            before, through = len(gap[: place.start()].encode()), len(gap[: place.end()].encode())
            yield kind, start + before, start + through, new

    def _own(self, node: ast.AST) -> Iterator[Edit]:
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            for left, operator, right in zip(operands, node.ops, operands[1:], strict=False):
                old, new = COMPARISONS[type(operator)]
                yield from self._between("comparison", left, right, old, new)
                if type(operator) in REVERSED:
                    yield from self._between("comparison", left, right, old, REVERSED[type(operator)])
        elif isinstance(node, ast.BoolOp):
            old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield from self._between("and/or", left, right, old, new)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield "negation", *self._span(node), f"({self._source(node.operand)})"
        elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            old, new = OPERATORS[type(node.op)]
            yield from self._between("arithmetic", node.left, node.right, re.escape(old), new)
        elif isinstance(node, ast.Constant):
            yield from self._constant(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            yield "call", *self._span(node.func), CALLS[node.func.id]
        elif isinstance(node, ast.comprehension):
            for test in node.ifs:
                yield "condition", *self._span(test), "True"
        yield from self._statement(node)

    def _statement(self, node: ast.AST) -> Iterator[Edit]:
        if isinstance(node, CONDITIONS) and not isinstance(node.test, ast.Compare | ast.UnaryOp | ast.Constant):
            yield "negation", *self._span(node.test), f"(not ({self._source(node.test)}))"
        if isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
            yield "return", *self._span(node.value), "None"
        if isinstance(node, REMOVED) or _changes_in_place(node):
            yield "removed", *self._span(node), "pass"

    def _constant(self, node: ast.Constant) -> Iterator[Edit]:
        span = self._span(node)
        value = node.value
        if isinstance(value, bool):
            yield "constant", *span, str(not value)
        elif isinstance(value, int):
            yield "constant", *span, str(value + 1 if value < 100 else 2 * value)  # what is tuned has no exact value
        elif isinstance(value, float):
            yield "constant", *span, repr(value * 1.5 if value else 1.0)
        elif isinstance(value, str) and value and not re.search(r"\s", value.strip()) and value != ", ":
            source = self._source(node)
            if source[:1] in "\"'" and source[:3] not in ('"""', "'''"):  # no raw strings, no joined lines
                yield "string", *span, source[0] + "X" + source[1:]
