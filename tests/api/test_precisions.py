"""A model that memory has no room for as it is stored: what is said, what is offered, and that the offer loads."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from causerie import AutoModelForCausalLM
from causerie.api.fit.precisions import MatrixHolding, precisions, weight_bytes
from causerie.api.fit.surveyed_checkpoint import surveyed
from causerie.api.loading import load as loading
from causerie.api.options.load_options import LoadOptions
from causerie.cli.conversation.precision_question import accepts_precision
from causerie.cli.main import main
from causerie.errors import ModelTooLarge, OutOfMemory
from causerie.plan.fit import PROCESS_BYTES, working_bytes
from causerie.plan.footprint import cache_cost, least_tokens
from tests.api.conftest import make_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few megabytes of bfloat16."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("tiny")
    config = LlamaConfig(
        vocab_size=make_tokenizer(folder), hidden_size=256, intermediate_size=2048, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


def needed(folder: Path, name: str) -> int:
    """Bytes of the weights in a precision, with the least cache and what a step works in."""
    way = dict(precisions(surveyed(str(folder), LoadOptions()).weights))[name]
    cost = cache_cost(way.spec, "bfloat16").total(least_tokens(way.spec))
    weights = weight_bytes(way, MatrixHolding(native=True, packs=False))
    return weights + cost + working_bytes(way.spec) - PROCESS_BYTES


@pytest.mark.parametrize("name", ["int8", "int4", "nf4", "bnb_int8"])
@pytest.mark.parametrize("native", [True, False])
def test_what_is_held_is_as_large_as_is_said(folder: Path, name: str, native: bool) -> None:
    """To the padding of vectors and of a table's last rows, where kernels read panels."""
    weights = surveyed(str(folder), LoadOptions.read(quantization=name)).weights
    said = weight_bytes(weights, MatrixHolding(native, packs=False))
    with AutoModelForCausalLM.from_pretrained(
        folder, backend="native" if native else "torch", quantization=name
    ) as model:
        assert said == pytest.approx(model.get_memory_footprint(), rel=0.01)


def room(monkeypatch: pytest.MonkeyPatch, nbytes: int) -> None:
    """As if so much memory were free, before the model is loaded."""
    monkeypatch.setattr(loading, "_free_bytes", lambda backend: nbytes)


def load(folder: Path, **options: str):  # type: ignore[no-untyped-def]
    return AutoModelForCausalLM.from_pretrained(folder, backend="native", packing="none", **options)


@pytest.mark.parametrize("name", ["int8", "int4"])
def test_the_error_names_what_fits_and_that_loads(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    room(monkeypatch, needed(folder, name) + 10_000)
    with pytest.raises(ModelTooLarge, match=r"needs 0\.\d\d GB in bfloat16 and 0\.\d\d GB are free\.") as refusal:
        load(folder)
    (option,) = re.findall(r"pass quantization='(\w+)' \(--quantization (?:\w+)\)", str(refusal.value))
    assert option == name == refusal.value.precision
    with load(folder, quantization=option) as model:
        assert model.format == name
    with load(folder, quantization="auto") as model:
        assert model.format == name


def test_what_fits_stays_as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room(monkeypatch, needed(folder, "bfloat16") + 10_000)
    for options in ({}, {"quantization": "auto"}):
        with load(folder, **options) as model:
            assert model.format == "bfloat16"


def test_what_fits_in_nothing_is_told_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room(monkeypatch, 100_000)
    for options in ({}, {"quantization": "auto"}):
        with pytest.raises(ModelTooLarge, match=r"even in int4\. Take a smaller model") as refusal:
            load(folder, **options)
        assert refusal.value.precision is None
    with pytest.raises(OutOfMemory, match=r"needs 0\.0\d GB"):  # a format was asked for: no other is offered
        load(folder, quantization="int8")


def test_choosing_needs_a_model_that_loads(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(folder), "--quantization", "auto"]) == 2
    assert "quantization='auto' chooses by the memory" in capsys.readouterr().err
    assert main(["prepare", str(folder), str(tmp_path / "new"), "--quantization", "auto"]) == 2
    assert not (tmp_path / "new").exists()


class Screen(io.StringIO):
    """A terminal, or what is none."""

    def __init__(self, text: str = "", terminal: bool = True) -> None:
        super().__init__(text)
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


FITS = ModelTooLarge("It needs 9 GB. It fits in int8, with 5.00 GB: …", precision="int8", needed_bytes=5 * 10**9)


@pytest.mark.parametrize(("typed", "taken"), [("\n", True), ("Y\n", True), ("n\n", False), ("", False)])
def test_the_terminal_asks(typed: str, taken: bool) -> None:
    out = Screen()
    assert accepts_precision(FITS, Screen(typed), out) is taken
    assert out.getvalue() == "It needs 9 GB.\nLoad it in int8, 5.0 GB? [Y/n] "


def test_what_is_accepted_is_loaded(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    room(monkeypatch, needed(folder, "int4") + 10_000)
    asked = Screen()
    monkeypatch.setattr("sys.stderr", asked)
    for typed, code in (("y\n", 0), ("n\n", 1)):
        monkeypatch.setattr("sys.stdin", Screen(typed))
        assert main(["chat", str(folder), "-p", "Hello!", "max_new_tokens=2"]) == code
        assert "Load it in int4, 0.0 GB? [Y/n]" in asked.getvalue()
    assert "pass quantization='int4'" in asked.getvalue()


def test_nobody_is_asked_where_nobody_is_or_nothing_fits() -> None:
    assert not accepts_precision(FITS, Screen("y\n", terminal=False), Screen())
    assert not accepts_precision(ModelTooLarge("It needs 9 GB."), Screen("y\n"), Screen())
