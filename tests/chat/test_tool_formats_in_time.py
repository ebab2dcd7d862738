"""A block of calls is a model's text, and models repeat themselves: reading one twice as long takes twice the time."""

from __future__ import annotations

import time

import pytest

from causerie.chat.tool_formats import TOOL_FORMATS
from causerie.chat.tool_formats.format import ToolFormat

BEGINNINGS = (
    "", "<function=a>", "<function=a><parameter=b>", "f\n", "f\n<arg_key>a</arg_key>\n<arg_value>", "[f(a=", "[f(a='",
    "f[ARGS]", "<｜tool▁call▁begin｜>f<｜tool▁sep｜>", "<|tool_call_begin|>f:0<|tool_call_argument_begin|>",
    '{"name": "f", "arguments": ', "call:f{", "call:f{a:[", 'call:f{a:<|"|>',
    '<invoke name="f">', '<invoke name="f"><parameter name="a">',
)  # fmt: skip
REPEATED = (
    "\\'", "'\\",
    "{", "[", "<", "(", '"', "\\", "'", " ", "\n", "x", '{"a":', "f(a=", "f(a=[", "<function=", "<parameter=",
    "<parameter=a>x", "<function=a><parameter=b>c</parameter>", "<arg_key>", "<arg_key>a</arg_key><arg_value>",
    "</arg_key>", "<|tool_call_begin|>", "<|tool_call_begin|>f<|tool_call_argument_begin|>", "```json\n",
    "<｜tool▁call▁begin｜>", "<｜tool▁call▁begin｜>f<｜tool▁sep｜>", "[TOOL_CALLS]", "[ARGS]",
    '<|"|>', "a:", "a:1,", "1,", 'a:<|"|>b<|"|>,', '<invoke name="', '<invoke name="f">', '<parameter name="',
    '<parameter name="a">b',
    '<parameter name="a">b</parameter>',
)  # fmt: skip
BRIEF = 0.05  # seconds that are no trouble, and too few to compare


def seconds(format: ToolFormat, block: str) -> float:
    begun = time.process_time()
    try:
        format.read(block, {})
    except (ValueError, TypeError, MemoryError, RecursionError):
        pass  # what parse.py takes for "no call"
    return time.process_time() - begun


@pytest.mark.parametrize("format", TOOL_FORMATS.values(), ids=list(TOOL_FORMATS))
def test_reading_is_linear(format: ToolFormat) -> None:
    for beginning in BEGINNINGS:
        for each in REPEATED:
            size = 1000
            while size <= 64_000 and (half := seconds(format, beginning + each * (size // len(each)))) < BRIEF:
                size *= 2
            if size <= 64_000:
                whole = seconds(format, beginning + each * (2 * size // len(each)))
                assert whole < 3 * half, (beginning, each, size, half, whole)
