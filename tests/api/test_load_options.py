"""The options of loading: one value, by whichever door they come in."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path

import msgspec
import pytest
import torch

from causerie import AutoModelForCausalLM, BitsAndBytesConfig
from causerie.api.options.load_options import LoadOptions
from causerie.cli.options.arguments import _LOADING, load_options
from causerie.cli.verbs import bench, chat, evaluate, info, prepare, serve
from causerie.errors import UnknownName, UsageError
from causerie.quant.config import QuantConfig

FIELDS = {field.name for field in fields(LoadOptions)}


def test_every_door_has_the_same_options() -> None:
    python = set(inspect.signature(AutoModelForCausalLM.from_pretrained).parameters)
    assert FIELDS - {"device"} <= python and "device_map" in python
    assert set(inspect.signature(LoadOptions.read).parameters) == FIELDS | {"quantization_config"}
    for verb, words in ((bench, []), (chat, []), (evaluate, []), (info, []), (serve, []), (prepare, ["a", "b"])):
        options = vars(verb.parser().read(words))  # type: ignore[attr-defined]
        assert set(_LOADING) == FIELDS - {"max_cache_tokens"} and "strict" in options and set(_LOADING) & set(options)


def test_the_command_line_gives_what_python_gives() -> None:
    words = ["--dtype", "bfloat16", "--quantization", "int4", "--cache-dtype", "int8", "--device", "cpu"]
    options = chat.parser().read([*words, "--backend", "native", "--threads", "2", "--strict"])
    expected = LoadOptions.read(
        dtype=torch.bfloat16,
        quantization=QuantConfig.named("int4"),
        cache_dtype="int8",
        device=torch.device("cpu"),
        backend="native",
        threads=2,
        strict=True,
    )
    assert load_options(options) == expected
    assert load_options(chat.parser().read([])) == LoadOptions()
    assert load_options(options, quantization=None).quantization is None


def test_they_reach_the_servers_other_process_whole() -> None:
    config = BitsAndBytesConfig(load_in_4bit=True, llm_int8_skip_modules=["lm_head"])
    options = LoadOptions.read(dtype="float16", quantization_config=config, max_cache_tokens=7)
    plain = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(options)))
    assert msgspec.convert(plain, LoadOptions) == options


def test_a_wrong_one_is_told_when_it_is_made() -> None:
    for wrong in ({"dtype": "float8"}, {"backend": "nativ"}, {"packing": "zip"}, {"quantization": "int7"}):
        with pytest.raises(UnknownName):
            LoadOptions.read(**wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"backend='native' runs on the CPU; for cuda:1"):
        LoadOptions.read(device=1, backend="native")
    with pytest.raises(UsageError, match="threads is 0"):
        LoadOptions(threads=0)


def test_a_saved_model_was_loaded_by_them(folder: Path) -> None:
    with AutoModelForCausalLM.from_pretrained(folder, dtype="float32", device_map="cpu", threads=1) as model:
        assert model._saving is not None
        assert (model._saving.weights.plain, model._saving.workers) == ("float32", 1)
