"""The grammar of key=value words, and the table of generate flags."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.api.generation.config import FLAGS as GENERATION_FLAGS
from causerie.cli.options.flags import parse_flags, parse_value
from causerie.cli.options.generate_flags import FLAGS, NOT_IN_A_CHAT, help_text, read_flags
from causerie.errors import UnknownName, Unsupported, UsageError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("True", True),
        ("false", False),
        ("None", None),
        ("null", None),
        ("7", 7),
        ("-3", -3),
        ("+3", 3),
        ("1_000", 1000),
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("[1,2]", [1, 2]),
        ("[[1, 2], [3]]", [[1, 2], [3]]),
        ("(1, 2)", [1, 2]),
        ("['a', \"b\"]", ["a", "b"]),
        ('["a b", null, true]', ["a b", None, True]),
        ('{"a": {"b": [1.5]}}', {"a": {"b": [1.5]}}),
        ("{17: -5.0}", {17: -5.0}),
        ('"two words"', "two words"),
        ("'it\\'s'", "it's"),
        ('"\\n"', "\n"),
        ("plain words here", "plain words here"),
        ("1.2.3", "1.2.3"),
        ("", ""),
    ],
)
def test_values(text: str, value: object) -> None:
    read = parse_value("flag", text)
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize("text", ["[1, 2", "{", "'open", "[" * 5000, "{1, 2}", "(", "9" * 5000])
def test_what_does_not_close_is_an_error_that_names_the_flag(text: str) -> None:
    with pytest.raises(UsageError, match="flag"):
        parse_value("flag", text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=10,
    )
)
def test_json_is_read_as_json(value: object) -> None:
    read = parse_value("flag", json.dumps(value))
    assert read == value or (isinstance(value, float) and math.isinf(value))


@given(st.text())
def test_any_text_is_a_value_or_a_usage_error(text: str) -> None:
    try:
        parse_value("flag", text)
    except UsageError:
        pass


def test_words_become_flags_in_order() -> None:
    assert parse_flags(["a=1", "b=x = y", "--top-k=5"]) == {"a": "1", "b": "x = y", "top_k": "5"}


@pytest.mark.parametrize("word", ["hello", "=5", "a b=1", "max new=2"])
def test_words_that_are_no_flags(word: str) -> None:
    with pytest.raises(UsageError, match="max_new_tokens=200"):
        parse_flags([word])


def test_a_word_that_is_no_flag_is_not_sent_to_the_command_line() -> None:
    """/set temperature 0.7 is read here too, where there is no -p."""
    with pytest.raises(UsageError, match=r"^'temperature' is not key=value. Flags look like max_new_tokens=200\.$"):
        read_flags(["temperature", "0.7"])


def test_twice_is_an_error() -> None:
    with pytest.raises(UsageError, match="seed is given twice"):
        parse_flags(["seed=1", "seed=2"])


def test_an_unknown_flag_names_the_nearest_first() -> None:
    with pytest.raises(UnknownName, match=r"'max_new_token'\. Known, nearest first: max_new_tokens, "):
        read_flags(["max_new_token=5"])


@pytest.mark.parametrize(
    "word",
    ["temperature=warm", "do_sample=1", "top_k=2.5", "top_k=True", "stop_strings=[1]", "bad_words_ids=[1]", "top_p=2"],
)
def test_a_value_that_cannot_be(word: str) -> None:
    with pytest.raises(UsageError, match=f"^{word.split('=')[0]} is .* it must be "):
        read_flags([word])


@pytest.mark.parametrize("word", ["num_beams=4", "num_return_sequences=2", "output_scores=True", "guidance_scale=2.0"])
def test_what_a_chat_cannot_do(word: str) -> None:
    with pytest.raises(Unsupported, match=word.split("=")[0]):
        read_flags([word])


def test_flags_become_a_generation_config() -> None:
    config = read_flags(["stop=3", "temperature=1e-1", "do_sample=true", "num_beams=1", "logit_bias={17: -5}"])
    assert config.to_dict() == {
        "stop_strings": "3",
        "temperature": 0.1,
        "do_sample": True,
        "num_beams": 1,
        "logit_bias": {17: -5.0},
    }


def test_every_flag_of_generation_is_in_the_help_or_says_why_not() -> None:
    assert set(FLAGS) | set(NOT_IN_A_CHAT) == {*GENERATION_FLAGS, "stop"}
    assert not set(FLAGS) & set(NOT_IN_A_CHAT)


@pytest.mark.parametrize("width", [50, 78, 100])
def test_the_help_names_every_flag_and_keeps_its_width(width: int) -> None:
    text = help_text(width)
    assert all(f"  {name}=" in text for name in FLAGS)
    assert max(map(len, text.splitlines())) <= width
