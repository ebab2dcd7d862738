"""Tokenizers of a GGUF file's metadata, against the models' own ids, llama.cpp's, and a tokenizer.json before it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers
from tokenizers import Tokenizer as RustTokenizer

from causerie.checkpoint.gguf.index import open_gguf
from causerie.errors import CheckpointError, Unsupported
from causerie.text.gguf.metadata_tokenizer import answer_ends, tokenizer_from_metadata
from causerie.text.gguf.splitting import (
    DIGIT_RUNS,
    DIGITS_ALONE,
    GPT2_BYTES,
    PUNCTUATION_ALONE,
    PUNCTUATION_RUNS,
    SPLITTINGS,
)
from causerie.text.tokenizer import Tokenizer

SPLITS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "expected" / "gguf_splits.json").read_text(encoding="utf-8")
)
"""Ids by llama.cpp for a vocabulary whose merges run across all borders, so that ids show where a text was split. -1
where its rule only comes near the model's: capitals beyond ASCII, digits before a letter, wide spaces, bytes that
look like digits."""
TEXTS: list[str] = SPLITS["texts"]
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6


def converted(rules: Mapping[str, Any], pre: str) -> dict[str, Any]:
    """The metadata that llama.cpp's converter makes of a byte-level tokenizer.json."""
    added = {token["id"]: token for token in rules["added_tokens"]}
    tokens = {index: token for token, index in rules["model"]["vocab"].items()}
    tokens.update({index: token["content"] for index, token in added.items()})
    count = max(tokens) + 3  # the model has more rows than tokens
    types = [UNUSED if index not in tokens else NORMAL for index in range(count)]
    for index, token in added.items():
        types[index] = CONTROL if token["special"] else USER_DEFINED
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in rules["model"]["merges"]]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": tuple(tokens.get(index, f"[PAD{index}]") for index in range(count)),
        "tokenizer.ggml.token_type": np.array(types, np.int32),
        "tokenizer.ggml.merges": tuple(merges),
    }


def small(**changes: Any) -> dict[str, Any]:
    """The metadata of the small byte-level vocabulary, with three tokens more: an end, a word, a row to fill up."""
    tokens = (*SPLITS["tokens"], "<|im_end|>", "<think>", f"[PAD{len(SPLITS['tokens']) + 2}]")
    metadata = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": np.array([NORMAL] * (len(tokens) - 3) + [CONTROL, USER_DEFINED, UNUSED], np.int32),
        "tokenizer.ggml.merges": tuple(SPLITS["merges"]),
    }
    return {key: value for key, value in {**metadata, **changes}.items() if value is not None}


def spoken(**changes: Any) -> dict[str, Any]:
    """The metadata of a small SentencePiece vocabulary."""
    words = {
        "▁": -3.0,
        "a": -4.0,
        "b": -5.0,
        "c": -6.0,
        "ab": -9.0,
        "bc": -7.0,
        "abc": -8.0,
        "▁a": -10.0,
        "▁abc": -11.0,
    }
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    tokens = ("<unk>", "<s>", "</s>", *byte_tokens, *words, "<|user|>", "  ")
    types = [UNKNOWN, CONTROL, CONTROL, *[BYTE] * 256, *[NORMAL] * len(words), CONTROL, USER_DEFINED]
    metadata = {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": np.array(types, np.int32),
        "tokenizer.ggml.scores": np.array([0.0] * 259 + [*words.values(), -1000.0, -1000.0], np.float32),
    }
    return {key: value for key, value in {**metadata, **changes}.items() if value is not None}


def made(metadata: Mapping[str, Any]) -> Tokenizer:
    return tokenizer_from_metadata(metadata, "model.gguf")


def spelled(tokenizer: Tokenizer, text: str, add_special_tokens: bool = False) -> list[str | None]:
    return [tokenizer.id_to_token(token) for token in tokenizer.encode(text, add_special_tokens)]


# --- released vocabularies ---

VOCABULARIES = ("deepseek-llm", "falcon", "gemma-4", "gpt-2", "llama-bpe", "llama-spm", "phi-3", "qwen2")


@pytest.mark.parametrize("name", VOCABULARIES)
def test_released_vocabularies_give_the_models_own_ids(name: str, conformance: Path) -> None:
    path = conformance / "vocab" / f"ggml-vocab-{name}.gguf"
    tokenizer = tokenizer_from_metadata(open_gguf(path).metadata, path.name)
    texts = Path(f"{path}.inp").read_bytes().decode().split("\n__ggml_vocab_test__\n")
    expected = Path(f"{path}.out").read_text(encoding="utf-8").split("\n")
    assert len(texts) > 40
    for text, ids in zip(texts, expected, strict=False):
        assert tokenizer.encode(text, add_special_tokens=False) == [int(token) for token in ids.split()], text
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


@pytest.fixture(scope="module", params=[("llama-bpe", "llama-bpe"), ("qwen2", "qwen2")], ids=["llama-bpe", "qwen2"])
def pair(request: pytest.FixtureRequest, conformance: Path) -> tuple[Tokenizer, RustTokenizer]:
    """A tokenizer made of what the converter makes of a tokenizer.json, and that one."""
    folder, pre = request.param
    path = conformance / "tokenizers" / folder / "tokenizer.json"
    rules = json.loads(path.read_text(encoding="utf-8"))
    return made(converted(rules, pre)), RustTokenizer.from_file(str(path))


def test_ids_are_those_of_the_tokenizer_json_that_was_converted(pair: tuple[Tokenizer, RustTokenizer]) -> None:
    ours, original = pair
    specials = sorted(token.content for token in original.get_added_tokens_decoder().values())
    assert len(ours) == original.get_vocab_size() and set(specials) <= set(ours.added_tokens)
    code = Path(__file__).read_text(encoding="utf-8")
    for text in (*TEXTS, code, code.replace("    ", "\t"), " ".join(specials), *(f"a{token} b" for token in specials)):
        assert ours.encode(text, add_special_tokens=False) == original.encode(text, add_special_tokens=False).ids
    for token in specials:
        assert ours.is_special(token) == original.get_added_tokens_decoder()[ours.added_tokens[token]].special


# --- rules for splitting ---


@pytest.mark.parametrize("name", SPLITS["rows"])
def test_each_rule_splits_as_llama_cpp_does(name: str) -> None:
    tokenizer = made(small(**{"tokenizer.ggml.pre": name}))
    row = SPLITS["rows"][name]
    assert sum(answer >= 0 for answer in row) >= len(TEXTS) - 7
    for text, answers, answer in zip(TEXTS, SPLITS["answers"], row, strict=True):
        if answer >= 0:
            assert tokenizer.encode(text, add_special_tokens=False) == answers[answer], text


def test_every_rule_is_compared_and_the_texts_tell_them_apart() -> None:
    assert {name for name, rule in SPLITTINGS.items() if not rule.plain_text} == set(SPLITS["rows"])
    rules = {rule.steps for name, rule in SPLITTINGS.items() if name in SPLITS["rows"]}
    assert len({tuple(SPLITS["rows"][name]) for name in SPLITS["rows"]}) == len(rules)


READY_STEPS = (DIGITS_ALONE, DIGIT_RUNS, PUNCTUATION_ALONE, PUNCTUATION_RUNS, GPT2_BYTES)
PATTERNS = sorted({step for rule in SPLITTINGS.values() for step in rule.steps} - set(READY_STEPS))
CHARACTERS = [*"aZ sſ\t\n\r'.,-/½²٣Ⅷ１é", "e\u0301", "\u00a0", "\u3000", *"字カ한жЖ🚀"]
PARTS = st.lists(st.sampled_from([*CHARACTERS, "'ll", "123", "  "]), max_size=24)


@pytest.mark.parametrize("number", range(len(PATTERNS)))
@given(parts=PARTS)
def test_patterns_mean_what_another_engine_makes_of_them(number: int, parts: list[str]) -> None:
    pattern, text = PATTERNS[number], "".join(parts)
    step = pre_tokenizers.Split(Regex(pattern), "isolated")
    assert [piece for piece, _ in step.pre_tokenize_str(text)] == list(isolated(pattern, text))


def isolated(pattern: str, text: str) -> Iterator[str]:
    """A text cut at both ends of every match."""
    place = 0
    flags = regex.V1 | regex.MULTILINE  # as in the library, $ is the end of any line
    for match in regex.finditer(pattern, text, flags):
        cuts = (text[place : match.start()], match.group())
        yield from (piece for piece in cuts if piece)
        place = match.end()
    if text[place:]:
        yield text[place:]


@pytest.mark.parametrize(
    ("name", "text", "pieces"),
    [
        ("gpt-4o", "ЖЖжЖж", ["ЖЖж", "Жж"]),  # a capital begins a word in every script
        ("tiny_aya", "1234567 1234x", ["1", "234", "567", " ", "123", "4", "x"]),  # grouped before a border alone
        ("afmoe", "abc1234", ["abc", "1", "234"]),
        ("laguna", "a\r\n\r\nb", ["a", "\r\n\r\n", "b"]),
        ("kimi-k2", "你好a", ["你好", "a"]),
        ("superbpe", "1234567", ["1", "234", "567"]),
    ],
)  # fmt: skip
def test_rules_that_llama_cpp_only_comes_near(name: str, text: str, pieces: list[str]) -> None:
    pieces_here = [text]
    for step in SPLITTINGS[name].steps:
        behavior = "merged_with_next" if step.startswith(r"(?:\r?\n)+(?!") else "isolated"
        split = pre_tokenizers.Split(Regex(step), behavior)
        pieces_here = [piece for part in pieces_here for piece, _ in split.pre_tokenize_str(part)]
    assert pieces_here == pieces


def test_composed_characters_where_the_models_tokenizer_composes() -> None:
    for name, composes in (("qwen2", True), ("qwen35", True), ("command-r", True), ("llama-bpe", False)):
        tokenizer = made(small(**{"tokenizer.ggml.pre": name}))
        ids = [tokenizer.encode(text, add_special_tokens=False) for text in ("e\u0301", "\u00e9")]
        same = ids[0] == ids[1]
        assert same is composes, name


def test_an_unknown_rule_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(Unsupported, match=r"tokenizer\.ggml\.pre is 'qwen-2'.*the nearest is 'qwen2'.*safetensors"):
        made(small(**{"tokenizer.ggml.pre": "qwen-2"}))
    with pytest.raises(Unsupported, match=r"tokenizer\.ggml\.pre is missing"):
        made(small(**{"tokenizer.ggml.pre": None}))


@pytest.mark.parametrize("kind", ["rwkv", "plamo2", "no_vocab", "gpt3"])
def test_other_kinds_are_refused_by_name(kind: str) -> None:
    with pytest.raises(Unsupported, match=rf"tokenizer\.ggml\.model is '{kind}'"):
        made(small(**{"tokenizer.ggml.model": kind}))


# --- SentencePiece ---


def test_scores_decide_which_neighbours_are_joined() -> None:
    tokenizer = made(spoken())
    assert spelled(tokenizer, "abc") == ["▁abc"]  # bc before ab, then abc, then ▁abc
    assert spelled(tokenizer, "aab") == ["▁a", "ab"]
    assert spelled(tokenizer, "ab") == ["▁", "ab"]  # ab before ▁a
    assert spelled(tokenizer, "é") == ["▁", "<0xC3>", "<0xA9>"]
    assert tokenizer.decode(tokenizer.encode("abé c", add_special_tokens=False)) == "abé c"


def test_a_space_before_each_text_and_behind_special_tokens() -> None:
    assert spelled(made(spoken()), "a<|user|>a") == ["▁a", "<|user|>", "▁a"]
    without = made(spoken(**{"tokenizer.ggml.add_space_prefix": False}))
    assert spelled(without, "a<|user|>a") == ["a", "<|user|>", "a"]
    assert without.decode(without.encode(" a", add_special_tokens=False)) == " a"


def test_texts_begin_with_bos_as_the_file_says() -> None:
    assert spelled(made(spoken()), "a", True) == ["<s>", "▁a"]
    off = spoken(**{"tokenizer.ggml.add_bos_token": False, "tokenizer.ggml.add_eos_token": True})
    assert spelled(made(off), "a", True) == ["▁a", "</s>"]
    assert made(spoken()).surrounding() == ([1], [])


def test_typed_control_tokens_are_not_made_of_letters() -> None:
    tokenizer = made(spoken())
    ids = tokenizer.encode("a</s>", add_special_tokens=False, special_tokens_as_text=True)
    assert 2 not in ids and tokenizer.decode(ids) == "a</s>"


def test_phi_3_tokens_take_the_spaces_behind_them() -> None:
    metadata = spoken(**{"general.name": "Phi-3 mini"})
    assert spelled(made(metadata), "<|user|> \n a") == ["<|user|>", "▁a"]
    assert spelled(made(metadata), "<s> a") == ["<s>", "▁", "▁a"]
    assert spelled(made(spoken()), "<|user|> a") == ["<|user|>", "▁", "▁a"]


# --- what belongs to it ---


def test_special_tokens_have_names_and_rows_without_a_token_none() -> None:
    changes = {"tokenizer.ggml.eos_token_id": len(SPLITS["tokens"]), "tokenizer.ggml.padding_token_id": 0}
    tokenizer = made(small(**changes))
    assert tokenizer.special_tokens_map == {"eos_token": "<|im_end|>", "pad_token": "!"}
    assert tokenizer.is_special("<|im_end|>") and not tokenizer.is_special("<think>")
    assert "!" not in tokenizer.added_tokens  # a word that fills up stays a word
    assert "<think>" in tokenizer.added_tokens
    assert tokenizer.id_to_token(len(SPLITS["tokens"]) + 2) is None
    assert tokenizer.vocab_size == len(SPLITS["tokens"])


def test_answers_end_at_all_that_the_file_names_and_at_known_spellings() -> None:
    at = len(SPLITS["tokens"])
    assert answer_ends(small(**{"tokenizer.ggml.eos_token_id": 5, "tokenizer.ggml.eom_token_id": 7}), "f") == [5, 7, at]
    assert answer_ends(spoken(), "f") == [2]
    assert answer_ends(spoken(**{"tokenizer.ggml.eot_token_id": 268}), "f") == [2, 268]
    names = ("<|return|>", "<|call|>", "<|end|>")
    metadata = small(
        **{
            "tokenizer.ggml.tokens": (*SPLITS["tokens"], *names),
            "tokenizer.ggml.token_type": np.array([NORMAL] * at + [CONTROL] * 3, np.int32),
            "tokenizer.ggml.eos_token_id": at,
        }
    )
    assert answer_ends(metadata, "f") == [at, at + 1]  # <|end|> ends a message of gpt-oss, not its answer


def test_templates_by_name_and_the_length_of_the_context() -> None:
    metadata = small(
        **{
            "tokenizer.chat_template": "one",
            "tokenizer.chat_template.tool_use": "two",
            "general.architecture": "qwen2",
            "qwen2.context_length": 4096,
        }
    )
    config = made(metadata).config
    assert config["chat_template"] == {"default": "one", "tool_use": "two"}
    assert config["model_max_length"] == 4096


def test_a_tokenizer_json_inside_the_file_counts() -> None:
    rules = json.loads(made(small(**{"tokenizer.ggml.pre": "llama-bpe"})).to_json())
    metadata = small(**{"tokenizer.huggingface.json": json.dumps(rules)})
    assert spelled(made(metadata), "333") != spelled(made(small()), "333")
    with pytest.raises(CheckpointError, match=r"tokenizer\.huggingface\.json is not a tokenizer\.json"):
        made(small(**{"tokenizer.huggingface.json": "{"}))
    rules["added_tokens"].append({**rules["added_tokens"][0], "id": 5000, "content": "<more>"})
    rules["added_tokens"].append({**rules["added_tokens"][0], "id": 5001, "content": "<yet more>"})
    with pytest.raises(CheckpointError, match=r"tokenizer\.huggingface\.json token"):
        made(small(**{"tokenizer.huggingface.json": json.dumps(rules)}))


# --- files that do not fit together ---

COUNT = len(SPLITS["tokens"]) + 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": None}, "tokenizer.ggml.model is missing"),
        ({"model": 3}, "tokenizer.ggml.model is a int"),
        ({"tokens": None}, "tokenizer.ggml.tokens is missing or empty"),
        ({"tokens": ("a", 3)}, "tokenizer.ggml.tokens is a tuple; an array of texts"),
        ({"tokens": "abc"}, "tokenizer.ggml.tokens is a str"),
        ({"tokens": ("a", "b", "a")}, "has 'a' as token 0 and as token 2"),
        ({"tokens": ("a" * 5000,)}, "a token of 5000 characters"),
        ({"token_type": np.array([1, 1], np.int32)}, f"token_type has 2 entries; one for each of the {COUNT} tokens"),
        ({"token_type": np.ones(COUNT, np.float32)}, "token_type is a ndarray; an array of numbers"),
        ({"token_type": ("x",) * COUNT}, "token_type is a tuple; an array of numbers"),
        ({"scores": np.full(COUNT, np.nan, np.float32)}, "scores has NaN"),
        ({"scores": np.zeros((COUNT, 1), np.float32)}, "scores is a ndarray"),
        ({"merges": None}, "merges is missing or empty"),
        ({"merges": ("ab",)}, "merges has 'ab'; two tokens with a space between"),
        ({"merges": ("no-such token",)}, "merges do not fit the tokens"),
        ({"merges": (7,)}, "merges is a tuple; an array of texts"),
        ({"eos_token_id": COUNT}, f"eos_token_id is {COUNT}; the number of a token, from 0 to {COUNT - 1}"),
        ({"eos_token_id": -1}, "eos_token_id is -1"),
        ({"eos_token_id": "2"}, "eos_token_id is '2'"),
        ({"bos_token_id": True}, "bos_token_id is True"),
        ({"add_bos_token": 1}, "add_bos_token is 1; true or false"),
        ({"add_bos_token": True}, "bos_token_id is missing while add_bos_token is true"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError) as refusal:
        made(small(**{f"tokenizer.ggml.{key}": value for key, value in changes.items()}))
    assert message in str(refusal.value) and str(refusal.value).startswith("model.gguf: ")


def test_sentencepiece_needs_scores() -> None:
    with pytest.raises(CheckpointError, match="scores is missing"):
        made(spoken(**{"tokenizer.ggml.scores": None}))


def test_templates_are_texts() -> None:
    with pytest.raises(CheckpointError, match=r"tokenizer\.chat_template is no text"):
        made(small(**{"tokenizer.chat_template": 3}))


@given(st.text(max_size=60))
def test_any_text_comes_back(text: str) -> None:
    for tokenizer, expected in ((_BYTES, text), (_SCORES, text.replace("▁", " "))):  # ▁ is how scores spell a space
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == expected


_BYTES = made(small(**{"tokenizer.ggml.pre": "smollm"}))
_SCORES = made(spoken())
