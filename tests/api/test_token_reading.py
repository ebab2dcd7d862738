"""What a token reads of a loaded model, and what is said of other formats against a model that is held in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from causerie import AutoModelForCausalLM, builtin_model_path
from causerie.api.causal_lm import CausalLM
from causerie.api.measurement.token_reading import TokenReading


def loaded(**options: str) -> CausalLM:
    return AutoModelForCausalLM.from_pretrained(builtin_model_path(), speculation="off", **options)


def test_int8_is_what_it_is_said_to_be() -> None:
    plain = loaded(backend="native", dtype="float32", cache_dtype="bfloat16")
    light = loaded(backend="native", quantization="int8", cache_dtype="int8")
    for depth in (0, 500):
        said, real = TokenReading.of(plain, depth), TokenReading.of(light, depth)
        assert said is not None and real is not None
        assert (said.weight_format, real.weight_format, real.cached_int8) == ("float32", "int8", None)
        assert said.cached_int8 == real.cached
        assert dict(said.lighter)["int8"] == pytest.approx(real.weights, rel=0.15)
        assert [name for name, _ in real.lighter] == ["int4"]
        assert said.weights == plain.read_bytes


def test_a_longer_chat_is_more_to_look_back_at_and_the_same_weights() -> None:
    model = loaded(backend="native")
    near, far = TokenReading.of(model, 99), TokenReading.of(model, 399)
    assert near is not None and far is not None
    assert far.cached == 4 * near.cached > 0 and replace(far, cached=0, cached_int8=0) == replace(
        near, cached=0, cached_int8=0
    )


def test_elsewhere_nothing_is_said() -> None:
    pytest.importorskip("torch")
    assert TokenReading.of(loaded(backend="torch"), 10) is None
