"""`cache_dtype`: both backends keep the same numbers, a text comes out the same however it was cut, unknown names are
refused before anything is read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from causerie.api.auto import AutoModelForCausalLM
from causerie.errors import UnknownName
from causerie.plan.footprint import cache_bytes_per_token, cache_shape
from causerie.quant.cache_format import CACHE_FORMATS
from causerie.spec.attention import Attention
from causerie.spec.decoder import Decoder
from causerie.spec.layer import Layer
from causerie.spec.mlp import MLP
from causerie.spec.norm import Norm
from causerie.spec.rope import Rope

TOKENS = [[3 + (7 * i * i) % 40 for i in range(90)]]


def logits(folder: Path, backend: str, cache_dtype: object) -> np.ndarray:
    with AutoModelForCausalLM.from_pretrained(
        folder, dtype="float32", device_map="cpu", backend=backend, cache_dtype=cache_dtype, progress=False
    ) as model:
        assert model.cache_dtype == str(cache_dtype).removeprefix("torch.")
        return np.asarray(model(TOKENS).logits)[0]


@pytest.mark.parametrize(
    ("cache_dtype", "share"), [("float32", 0.0), ("float16", 0.3), ("bfloat16", 1.2), (torch.int8, 0.3)], ids=str
)
def test_the_backends_agree(folder: Path, cache_dtype: object, share: float) -> None:
    """They differ where a key or value is rounded to the other side: by little of what the format costs. With a
    bfloat16 cache the native one rounds queries and weights of positions too."""
    native, plain = (logits(folder, backend, cache_dtype) for backend in ("native", "torch"))
    exact = logits(folder, "torch", "float32")
    error = np.sqrt(((plain - exact) ** 2).mean())
    apart = np.sqrt(((native - plain) ** 2).mean())
    assert apart < 1e-5 * exact.std() + share * error
    assert error < 0.03 * exact.std()
    assert (error == 0) == (cache_dtype == "float32")


def test_the_default_is_the_models_own(folder: Path) -> None:
    for dtype, own in (("float32", "float32"), ("float16", "float16"), ("bfloat16", "bfloat16")):
        for argument in (None, "auto"):
            with AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, device_map="cpu", cache_dtype=argument
            ) as model:
                assert model.cache_dtype == own


def test_greedy_text_in_int8_is_the_same_from_a_kept_prefix(folder: Path) -> None:
    """What is found in the cache again is what was put there."""
    with AutoModelForCausalLM.from_pretrained(folder, device_map="cpu", cache_dtype="int8", progress=False) as model:
        first = model.generate(TOKENS, max_new_tokens=20, do_sample=False)
        again = model.generate(TOKENS, max_new_tokens=20, do_sample=False)
        assert np.array_equal(np.asarray(first), np.asarray(again))


@pytest.mark.parametrize("name", ["int4", "bool", torch.float64], ids=str)
def test_unknown_names_list_the_known(folder: Path, name: object) -> None:
    with pytest.raises(UnknownName, match="cache dtype") as refusal:
        AutoModelForCausalLM.from_pretrained(folder, cache_dtype=name)
    assert all(known in str(refusal.value) for known in ("auto", *CACHE_FORMATS))


def test_the_command_refuses_before_it_reads(folder: Path) -> None:
    words = [sys.executable, "-m", "causerie.cli.main", "chat", str(folder), "-p", "hi", "--cache-dtype", "int3"]
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("causerie: Unknown cache dtype 'int3'")


def test_what_a_token_takes() -> None:
    mixer = Attention(14, 2, 64, 64**-0.5, Rope(1e6, 64, 4096))
    spec = Decoder("qwen2", 100, 896, (Layer(mixer, MLP(100), Norm(1e-6)),) * 24, Norm(1e-6), True, 4096)
    assert cache_bytes_per_token(spec, "bfloat16") == 24 * 2 * 2 * 64 * 2
    assert cache_bytes_per_token(spec, "int8") == 24 * 2 * (2 * 64 + 2 * (2 + 1))
    assert cache_shape(spec, 32, "bfloat16", 10**9, 4096, "int8").dtype == "int8"
    with pytest.raises(UnknownName, match="cache dtype 'int2'"):
        cache_shape(spec, 32, "bfloat16", 10**9, 4096, "int2")
