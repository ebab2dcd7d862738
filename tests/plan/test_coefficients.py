"""Every format has the coefficients of what kernels read most like it; and what is predicted by them stands beside what
was measured (bench/forecast.py, on the machine that expected/speeds.json names), of shapes that had no part in setting
them and of qwen3-0.6b, on which they were set."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from causerie.models.registry import spec_from_config
from causerie.plan.coefficients import alike, coefficients
from causerie.plan.computer import Computer, Span
from causerie.plan.forecast import Forecast, WeightForm
from causerie.quant.formats import QUANTIZED
from causerie.spec.decoder import Decoder

GOALS = {"decode": 0.15, "prefill": 0.25}
MEASURED = json.loads((Path(__file__).parents[1] / "expected" / "speeds.json").read_text(encoding="utf-8"))
LIKE = {
    "bfloat16": ("bfloat16", "float32", "float16"),
    "int8": ("int8", "q8_0", "sym8_g128_f16", "asym8_row_f32"),
    "int4": ("int4", "q4_0", "q4_1", "q5_0", "q5_1", "iq4_nl", "mxfp4", "nvfp4", "tq2_0", "asym4_g128_f16"),
    "q4_k": ("q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_xs", "iq3_s", "iq3_xxs", "iq2_s", "iq1_m"),
    "nf4": ("nf4", "fp4_double", "bnb_int8", "fp8", "fp8_128", "mxfp8"),
}


def test_formats_are_told_apart_by_how_kernels_read_them() -> None:
    assert {format: alike(format) for formats in LIKE.values() for format in formats} == {
        format: like for like, formats in LIKE.items() for format in formats
    }


@pytest.mark.parametrize("instruction_set", ["avx512_bf16", "avx512", "avx2_vnni", "avx2", None])
def test_every_format_has_coefficients(instruction_set: str | None) -> None:
    computer = Computer("made up", "cpu", 0, Span.of(1e11), {}, instruction_set)
    assert all(0 < coefficients(computer, format).arithmetic <= 1 for format in QUANTIZED)


@cache
def spec(shape: str) -> Decoder:
    return spec_from_config(MEASURED["shapes"][shape])


@pytest.mark.parametrize("row", MEASURED["rows"], ids=lambda row: "-".join(map(str, row[:4])))
def test_what_was_measured_is_predicted(row: list[Any]) -> None:
    shape, format, kind, depth, weight_bytes, expert_bytes, embedding, bandwidth, peaks, speed = row
    spans = {
        arithmetic: Span.of(value * 1e9)
        for arithmetic, value in zip(("float32", "bfloat16", "int8"), peaks, strict=True)
    }
    machine = Computer("measured", "cpu", 0, Span.of(bandwidth * 1e9), spans, MEASURED["instruction_set"])
    forecast = Forecast(
        spec(shape), WeightForm(format, weight_bytes, format, embedding, "bfloat16", expert_bytes), machine
    )
    predicted = forecast.decode_speed(depth + 12).usual if kind == "decode" else forecast.prefill_speed(512, depth)
    assert predicted == pytest.approx(speed, rel=GOALS[kind])


def test_memory_that_is_twice_as_fast_writes_less_than_twice_as_fast() -> None:
    """What is read and what is multiplied hold each other up; and where memory is so fast that it counts for nothing,
    arithmetic is left."""
    shape, format, _, _, weight_bytes, expert_bytes, embedding, *_ = MEASURED["rows"][0]
    form = WeightForm(format, weight_bytes, format, embedding, "bfloat16", expert_bytes)
    peaks = {kind: Span.of(1e12) for kind in ("float32", "bfloat16", "int8")}
    machine = Computer("made up", "cpu", 0, Span.of(1e11), peaks, MEASURED["instruction_set"])
    for depth in (0, 8192):
        speeds = [
            Forecast(spec(shape), form, replace(machine, bandwidth=Span.of(bandwidth))).decode_speed(depth).usual
            for bandwidth in (5e10, 1e11, 1e15, 1e17)
        ]
        assert 1.1 * speeds[0] < speeds[1] < 1.95 * speeds[0] and speeds[2] == pytest.approx(speeds[3], rel=1e-3)
