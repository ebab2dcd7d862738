"""What of rendered Markdown may reach the page: the tags and attributes that it is made of, and nothing else.

A model can be made to say anything, scripts included; what is not on the list does not come through. Knows no Markdown.
"""

from __future__ import annotations

import re

import nh3

# No pictures: they would be asked for from wherever the model says.
_PROSE = {
    *("a", "b", "blockquote", "br", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "input"),
    *("label", "li", "ol", "p", "pre", "s", "section", "span", "strong", "sup", "table", "tbody", "td", "th", "thead"),
    *("tr", "ul"),
}
_MATHS = {
    *("math", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom", "mprescripts"),
    *("mroot", "mrow", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr"),
    *("munder", "munderover"),
}
_LENGTHS = {"lspace", "maxsize", "minsize", "rspace", "width"}
_CLASSED = ("code", "div", "hr", "section", "span", "sup", "td", "th", "ul")
_ATTRIBUTES = {
    **{tag: {"class"} for tag in _CLASSED},
    "a": {"class", "href", "id", "title"},
    "input": {"checked"},
    "li": {"class", "id"},
    "math": {"alttext", "display"},
    "mfrac": {"displaystyle", "linethickness"},
    "mi": {"mathvariant"},
    "mo": {"form", "movablelimits", "stretchy", "symmetric", *_LENGTHS},
    "mover": {"accent"},
    "mrow": {"class", "displaystyle", "scriptlevel"},
    "mspace": {"class", "width"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "mtable": {"class", "displaystyle", "scriptlevel"},
    "mtd": {"class", "columnspan"},
    "munder": {"accentunder"},
    "munderover": {"accent", "accentunder"},
    "ol": {"class", "start"},
}
_SET = {"input": {"type": "checkbox", "disabled": ""}}
_SCHEMES = {"http", "https", "mailto"}
_NOTE = re.compile(r"fn(ref)?\d{1,6}(:\d{1,6})?")
_LENGTH = re.compile(r"-?\d?(\.\d+)?(em|rem|ex)?")
"""Under ten letters: a formula does not push the page aside."""


def clean(html: str) -> str:
    """The HTML without anything that is not listed here."""
    return nh3.clean(
        html,
        tags=_PROSE | _MATHS,
        attributes=_ATTRIBUTES,
        attribute_filter=_harmless,
        set_tag_attribute_values=_SET,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
    )


def _harmless(_: str, name: str, value: str) -> str | None:
    """The value of an attribute; None takes it away. Ids are those of footnotes alone."""
    if name == "id":
        return value if _NOTE.fullmatch(value) else None
    if name in _LENGTHS:
        return value if _LENGTH.fullmatch(value) else None
    return value
