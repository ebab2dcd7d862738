"""Formulas of LaTeX in the letters that Unicode has for them: `x_{i+1} = \\alpha^n` is xᵢ₊₁ = αⁿ.

unicodeit knows the letters. What it does not know is made ready here: fractions become (a+b)/c, roots √(x), and what
only says how a formula is set is left out. What is not understood stays as it was written.
"""

from __future__ import annotations

import re

_SETTING = re.compile(r"\\(left|right|big|Big|bigg|Bigg|displaystyle|limits|nolimits)(?![A-Za-z])\s*")
_WORDS = re.compile(r"\\(?:text|textbf|textit|mathrm|mathit|operatorname|mbox)\{([^{}]*)\}")
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_ROOT = re.compile(r"\\sqrt\{([^{}]*)\}")
_FUNCTION = re.compile(r"\\(sin|cos|tan|log|ln|exp|lim|max|min|det|gcd|arg|sup|inf|mod|Pr)(?![A-Za-z])")
_ONE_TERM = re.compile(r"\\?[A-Za-z0-9.]*")
_DEEPEST = 6
"""Fractions within fractions that are opened up; more stay as they are."""


def in_unicode(formula: str) -> str:
    """A formula, without the marks around it, on one line."""
    import unicodeit

    text = _SETTING.sub("", " ".join(formula.split()))
    text = _FUNCTION.sub(r"\1", _WORDS.sub(r"\1", text)).replace(r"\\", " ; ").replace("&", " ")
    for _ in range(_DEEPEST):
        simpler = _ROOT.sub(_root, _FRACTION.sub(_fraction, text))
        if simpler == text:
            break
        text = simpler
    return str(unicodeit.replace(text))


def _fraction(match: re.Match[str]) -> str:
    return f"{_term(match[1])}/{_term(match[2])}"


def _root(match: re.Match[str]) -> str:
    return f"√{_term(match[1])}"


def _term(text: str) -> str:
    """`text` as one thing: in parentheses where it is more than a number or a name."""
    text = text.strip()
    return text if _ONE_TERM.fullmatch(text) else f"({text})"
