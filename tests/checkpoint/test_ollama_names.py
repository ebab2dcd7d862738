"""Names of Ollama's library and what they are on the hub."""

from __future__ import annotations

import re

import pytest

from causerie.checkpoint.hub import resolve
from causerie.checkpoint.ollama_names import _OTHERS, _SIZED, hub_id
from causerie.errors import ModelNotFound


def test_every_name_of_ollama_leads_to_an_id_of_the_hub() -> None:
    for name, meant in {
        "llama3.2": "meta-llama/Llama-3.2-3B-Instruct",
        "llama3.2:1b": "meta-llama/Llama-3.2-1B-Instruct",
        "Llama3.1:latest": "meta-llama/Llama-3.1-8B-Instruct",
        "qwen2.5:0.5b-instruct-q4_K_M": "Qwen/Qwen2.5-0.5B-Instruct",
        "qwen3:30b-a3b": "Qwen/Qwen3-30B-A3B",
        "library/mistral": "mistralai/Mistral-7B-Instruct-v0.3",
        "deepseek-r1": "deepseek-ai/DeepSeek-R1-0528-Qwen3-8B",
        "deepseek-r1:7b": "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B",
        "tinyllama": "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
    }.items():
        assert hub_id(name) == meant
    for name in ("qwen3:9000b", "llama3.2:3", "mymodel", "", ":", "org/name"):
        assert hub_id(name) is None


def test_every_entry_is_spelled_as_the_two_libraries_spell_names() -> None:
    size = r"\d+(x\d+|\.\d+)?[bm](-a\d+b)?"
    names = [(name, tag.casefold()) for name, (_, tags) in _SIZED.items() for tag in tags]
    names += [(name, tag) for name, _, tag in (whole.partition(":") for whole in _OTHERS)]
    for name, tag in names:
        meant = hub_id(f"{name}:{tag}") or ""
        assert re.fullmatch(r"[a-z0-9.-]+", name) and re.fullmatch(size, tag or "8b"), (name, tag)
        assert re.fullmatch(r"[\w-]+/[\w.-]+", meant), meant
        family = re.match(r"[a-z]+", name.replace("gpt-oss", "gpt"))
        assert family and family[0].removesuffix("r") in meant.casefold(), (name, meant)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "llama3.2",
            "'llama3.2' is a name of Ollama's library. On the Hugging Face hub that model is meta-llama/Llama-3.2-3B",
        ),
        ("mymodel:7b", r"nor a hub id \(org/name or org/name@revision, such as Qwen/Qwen2.5-0.5B-Instruct\). https://"),
        ("https://huggingface.co/Qwen/Qwen3-8B", "Did you mean Qwen/Qwen3-8B?"),
        ("hf.co/Qwen/Qwen3-8B", "Did you mean Qwen/Qwen3-8B?"),
    ],
)
def test_a_name_that_is_no_id_says_which_one_is_or_how_they_look(name: str, says: str) -> None:
    with pytest.raises(ModelNotFound, match=says):
        resolve(name, offline=True)
