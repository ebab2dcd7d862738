"""Which GGUF file is meant, by the names of those that are there."""

from __future__ import annotations

import pytest

from causerie.checkpoint.gguf.choice import choose_gguf, gguf_models, head_beside, is_beside, only_gguf
from causerie.errors import MissingFile

HUB = [
    "README.md",
    "config.json",
    "imatrix_unsloth.gguf_file",
    "mmproj-BF16.gguf",
    "Qwen3-4B-BF16.gguf",
    "Qwen3-4B-IQ4_XS.gguf",
    "Qwen3-4B-Q4_0.gguf",
    "Qwen3-4B-Q4_K_M.gguf",
    "Qwen3-4B-Q6_K.gguf",
    "Qwen3-4B-Q8_0.gguf",
    "Qwen3-4B-UD-Q4_K_XL.gguf",
    "Qwen3-4B-UD-Q8_K_XL.gguf",
]
PARTS = ["BF16/m-BF16-00001-of-00002.gguf", "BF16/m-BF16-00002-of-00002.gguf", "m-Q8_0.gguf"]


def chosen_of(names: list[str], choice: str | None) -> str:
    return choose_gguf(names, choice, "org/name").first


def test_the_usual_kind() -> None:
    assert chosen_of(HUB, None) == "Qwen3-4B-Q4_K_M.gguf"
    assert chosen_of([name for name in HUB if "Q4_K_M" not in name], None) == "Qwen3-4B-Q8_0.gguf"
    assert chosen_of(["a-Q2_K.gguf", "mmproj-a-f16.gguf"], None) == "a-Q2_K.gguf"
    assert chosen_of(["gemma-3-4b-it-q4_0.gguf", "mmproj-model-f16-4B.gguf"], None) == "gemma-3-4b-it-q4_0.gguf"


@pytest.mark.parametrize(
    ("choice", "file"),
    [
        ("Q6_K", "Qwen3-4B-Q6_K.gguf"),
        ("q8_0", "Qwen3-4B-Q8_0.gguf"),
        ("bf16", "Qwen3-4B-BF16.gguf"),
        ("IQ4_XS", "Qwen3-4B-IQ4_XS.gguf"),
        ("UD-Q4_K_XL", "Qwen3-4B-UD-Q4_K_XL.gguf"),
        ("Q4_K_XL", "Qwen3-4B-UD-Q4_K_XL.gguf"),
        ("Qwen3-4B-Q4_0.gguf", "Qwen3-4B-Q4_0.gguf"),
        ("qwen3-4b-q4_0", "Qwen3-4B-Q4_0.gguf"),
    ],
)
def test_a_kind_or_a_file(choice: str, file: str) -> None:
    assert chosen_of(HUB, choice) == file


def test_kinds_that_names_say() -> None:
    kinds = {model.first: model.kind for model in gguf_models(HUB)}
    assert kinds["Qwen3-4B-UD-Q8_K_XL.gguf"] == "UD-Q8_K_XL" and kinds["Qwen3-4B-IQ4_XS.gguf"] == "IQ4_XS"
    assert "mmproj-BF16.gguf" not in kinds
    for name, kind in (
        ("gpt-oss-20b-mxfp4.gguf", "MXFP4"),
        ("a-MXFP4_MOE.gguf", "MXFP4_MOE"),
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "Q4_1"),
        ("model-IQ3_XXS.gguf", "IQ3_XXS"),
        ("ggml-model-f16.gguf", "F16"),
        ("model-TQ2_0.gguf", "TQ2_0"),
        ("Q8_0-made-Q5_K_S.gguf", "Q5_K_S"),
        ("stories.gguf", "stories"),
    ):
        assert gguf_models([name])[0].kind == kind


def test_parts_are_one_model() -> None:
    (parts, single) = gguf_models(PARTS)
    assert parts.names == tuple(PARTS[:2]) and parts.kind == "BF16" and single.names == ("m-Q8_0.gguf",)
    assert choose_gguf(PARTS, "BF16/m-BF16-00002-of-00002.gguf", "org/name") == parts
    assert gguf_models(PARTS[1:]) == [single]
    with pytest.raises(MissingFile, match=r"of a-00001-of-00003\.gguf not all parts are there"):
        choose_gguf(["a-00001-of-00003.gguf", "a-00003-of-00003.gguf"], None, "org/name")


def test_what_is_no_model() -> None:
    assert all(map(is_beside, ("mmproj-model-f16.gguf", "a-mmproj-q8_0.gguf", "sub/mmproj.gguf", "imatrix.gguf")))
    assert not any(map(is_beside, ("a.gguf", "mmproj.safetensors", "a-Q8_0.gguf")))
    with pytest.raises(
        MissingFile, match=r"org/name has no GGUF file of a model; mmproj-BF16\.gguf is what a multimod"
    ):
        choose_gguf(["mmproj-BF16.gguf"], None, "org/name")
    with pytest.raises(MissingFile, match="org/name has no GGUF file of a model"):
        choose_gguf(["config.json"], None, "org/name")


def test_nothing_is_guessed() -> None:
    with pytest.raises(MissingFile, match=r"has no GGUF file 'Q4_K_L'\. Did you mean Q4_K_M\? There are: Qwen3-4B"):
        choose_gguf(HUB, "Q4_K_L", "org/name")
    with pytest.raises(MissingFile, match=r"several models as GGUF: a-Q2_K\.gguf, a-Q3_K_S\.gguf\. Say which: f:Q2_K"):
        choose_gguf(["a-Q2_K.gguf", "a-Q3_K_S.gguf"], None, "f")
    with pytest.raises(MissingFile, match=r"several files that 'Q8_0' names: a-Q8_0\.gguf, b-Q8_0\.gguf"):
        choose_gguf(["a-Q8_0.gguf", "b-Q8_0.gguf"], "Q8_0", "f")
    with pytest.raises(MissingFile, match=r"gguf_file='a-Q4_K_M\.gguf' in Python"):
        only_gguf(["a-Q4_K_M.gguf", "a-Q8_0.gguf"], "f")
    assert only_gguf(["a-Q5_K_S.gguf", "mmproj.gguf"], "f").first == "a-Q5_K_S.gguf"


HEADS = ["mtp-Qwen3.6-27B-BF16.gguf", "mtp-Qwen3.6-27B-Q8_0.gguf", "mtp-Qwen3.6-Q4_0.gguf"]


@pytest.mark.parametrize(
    ("model", "head"),
    [
        ("Qwen3.6-27B-Q4_0.gguf", "mtp-Qwen3.6-27B-BF16.gguf"),
        ("Qwen3.6-27B-Q8_0.gguf", "mtp-Qwen3.6-27B-Q8_0.gguf"),
        ("qwen3.6-27b-q8_0-00001-of-00002.gguf", "mtp-Qwen3.6-27B-Q8_0.gguf"),
        ("Qwen3.6-27B.gguf", "mtp-Qwen3.6-27B-BF16.gguf"),
        ("Qwen3.6-35B-A3B-Q8_0.gguf", "mtp-Qwen3.6-Q4_0.gguf"),
        ("Qwen3.65-27B-Q8_0.gguf", None),
        ("Qwen3-4B-Q8_0.gguf", None),
    ],
)
def test_the_head_beside_a_model_is_named_like_it(model: str, head: str | None) -> None:
    assert head_beside(model, [*HUB, model, *HEADS, "mtp-.gguf", "mtp-notes.txt"]) == head


def test_a_head_is_no_model_and_can_be_named() -> None:
    assert not set(HEADS) & {model.first for model in gguf_models(HEADS + HUB)}
    assert only_gguf([HEADS[0], "Qwen3.6-27B-Q4_0.gguf"], "here").first == "Qwen3.6-27B-Q4_0.gguf"
    assert chosen_of(HUB + HEADS, HEADS[1]) == HEADS[1]
    assert chosen_of(["Qwen3.6-27B-MTP-Q8_0.gguf"], None) == "Qwen3.6-27B-MTP-Q8_0.gguf", "a whole model"
    with pytest.raises(MissingFile, match=r"no GGUF file of a model; mtp-Qwen3.6-27B-BF16.gguf is a head that guesses"):
        chosen_of(HEADS, None)
    with pytest.raises(MissingFile, match=r"no GGUF file 'mtp-Qwen3.6-27B-Q6_K.gguf'. Did you mean mtp-Qwen3.6-27B-Q8"):
        chosen_of(HUB + HEADS, "mtp-Qwen3.6-27B-Q6_K.gguf")
