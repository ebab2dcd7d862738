"""The colours of code on the page, as CSS. Knows no text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pygments.formatters import HtmlFormatter


@lru_cache(maxsize=1)
def code_style() -> str:
    """CSS of the classes that coloured code has, for light and for dark."""
    light: Any = HtmlFormatter(style="default")
    dark: Any = HtmlFormatter(style="github-dark")
    named = dark.get_style_defs(':root[data-theme="dark"] pre code')
    by_system = dark.get_style_defs(':root:not([data-theme="light"]) pre code')
    return f"{light.get_style_defs('pre code')}\n{named}\n@media (prefers-color-scheme: dark) {{\n{by_system}\n}}\n"
