"""Formulas of TeX as MathML, which browsers draw and screen readers read.

The work is math-core's. What it cannot read, and what grows beyond what a page should draw, gives None: the formula is
then shown as the model wrote it. Knows no Markdown.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape

from math_core import LatexError, LatexToMathML

_MOST_TEX = 4_000  # characters of one formula
_MOST_MATHML = 100_000
_DEEPEST = 60  # elements within each other; browsers take long over more
_MOST_EXPANSIONS = 100  # of commands that a formula defines for itself
_MACROS = {"mbox": r"\text{#1}"}
_NUMBERED = re.compile(r"\\(begin|end)\{(align|alignat|equation|flalign|gather|multline)\}")
_STYLE = re.compile(r' style="([^"]*)"')
_ENCLOSED = re.compile(r'<menclose notation="([^"]*)">')
_LINES = re.compile(r'</menclose>|<mrow class="menclose-[^"]*"></mrow>')
_TAG = re.compile(r"<(/?)[^>]*?(/?)>")
_CLASSES = {
    "text-align: right": "m-right",
    "text-align: left": "m-left",
    "padding-right: 0": "m-ends",
    "padding-left: 0": "m-begins",
    "padding-left:1em": "m-apart",
    "width: 100%": "m-full",
    "width: 50%": "m-half",
    "margin-left:-0.16666667em": "m-back",
    "border-top: 0.05em solid currentcolor": "m-line-above",
    "border-left: 0.05em solid currentcolor": "m-line-left",
    "border-right: 0.05em solid currentcolor": "m-line-right",
}
"""The page lets no style through that stands on an element: these are classes of its own, and others go."""
_ENCLOSURES = {"box": "m-box", "updiagonalstrike": "m-struck", "downdiagonalstrike": "m-struck-down"}
"""What few browsers draw by themselves, as classes too."""


def to_mathml(tex: str, alone: bool) -> str | None:
    """The formula as one element `math` with the TeX as its other text; `alone`: on a line of its own."""
    if len(tex) > _MOST_TEX:
        return None
    for form in _forms(tex.strip(), alone):
        try:
            mathml = _converter().convert_with_local_state(form, displaystyle=alone)
        except LatexError:
            continue
        if len(mathml) > _MOST_MATHML or _depth(mathml) > _DEEPEST:
            return None
        return _classed(mathml).replace("<math", f'<math alttext="{escape(tex.strip())}"', 1)
    return None


def _forms(tex: str, alone: bool) -> list[str]:
    """What to convert, the best first: models number no equations unless they say how, and begin new lines anywhere."""
    if r"\tag" in tex:
        return [tex, rf"\begin{{equation}}{tex}\end{{equation}}"]
    tex = _NUMBERED.sub(r"\\\1{\2*}", tex)
    if alone and r"\\" in tex and r"\begin" not in tex:
        return [rf"\begin{{gathered}}{tex}\end{{gathered}}", tex]
    return [tex]


@lru_cache(maxsize=1)
def _converter() -> LatexToMathML:
    return LatexToMathML(macros=_MACROS, max_expansions=_MOST_EXPANSIONS, fancy_error=False)


def _depth(mathml: str) -> int:
    depth = deepest = 0
    for ends, empty in _TAG.findall(mathml):
        depth += -1 if ends else not empty
        deepest = max(deepest, depth)
    return deepest


def _classed(mathml: str) -> str:
    """The same with our classes in place of styles and enclosures."""
    mathml = _STYLE.sub(lambda style: _class(_CLASSES, style[1].split(";")), mathml)
    mathml = _ENCLOSED.sub(lambda enclosed: f"<mrow{_class(_ENCLOSURES, enclosed[1].split())}>", mathml)
    return _LINES.sub(lambda line: "</mrow>" if line[0] == "</menclose>" else "", mathml)


def _class(names: dict[str, str], keys: list[str]) -> str:
    present = " ".join(names[each] for key in keys if (each := key.strip()) in names)
    return f' class="{present}"' if present else ""
