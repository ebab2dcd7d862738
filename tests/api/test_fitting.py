"""`causerie.fit`: what it says of memory against what loading then takes, names that are not here, and the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import causerie
from causerie import AutoModelForCausalLM
from causerie.api.fit.fitting import fit
from causerie.api.machine import measurements as probing
from causerie.api.machine.measurements import machine_record
from causerie.cli.main import main
from causerie.cli.verbs.fit import as_lines
from causerie.errors import ModelNotFound, UsageError
from causerie.settings import Settings
from tests.api.conftest import make_tokenizer
from tests.hub.fake_hub import running_hub
from tests.hub.gguf_model import PARAMETERS, tiny_gguf


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two random layers in float32 with a head of their own."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("tiny")
    config = LlamaConfig(
        vocab_size=make_tokenizer(folder), hidden_size=256, intermediate_size=512, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512, tie_word_embeddings=False,
        bos_token_id=None, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder in which this machine's measurements are."""
    place = tmp_path_factory.mktemp("cache")
    machine_record(Settings.from_environment({"CAUSERIE_CACHE": str(place)}))
    return place


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, kept: Path) -> None:
    monkeypatch.setenv("CAUSERIE_CACHE", str(kept))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("float32", {}),
        ("bfloat16", {"dtype": "bfloat16"}),
        ("int8", {"quantization": "int8"}),
        ("int4", {"quantization": "int4"}),
    ],
)
def test_weights_take_what_it_says(folder: Path, name: str, options: dict[str, str]) -> None:
    plan = causerie.fit(str(folder)).plan
    precision = next(each for each in plan.precisions if each.form.name == name)
    with AutoModelForCausalLM.from_pretrained(folder, backend="native", **options) as model:
        assert precision.form.weight_bytes == pytest.approx(model.get_memory_footprint(), rel=0.03)
        assert precision.form.cache_format == model.cache_dtype
        assert precision.form.format == model.format


def test_precisions_of_a_model_that_is_quantized_already_are_the_one_it_has(folder: Path, tmp_path: Path) -> None:
    with AutoModelForCausalLM.from_pretrained(folder, backend="native", quantization="int4") as model:
        model.save_pretrained(tmp_path, progress=False)
    assert [each.form.name for each in fit(str(tmp_path)).plan.precisions] == ["int4"]


def test_a_size_is_an_estimate_and_says_so() -> None:
    result = fit("8x7B", hardware="H100")
    assert result.estimated and result.known_from == "name" and not result.here
    assert result.parameters == pytest.approx(46.7e9, rel=0.05) and result.recommended == "int8"
    other = fit("nobody/knows-7B-this", hardware="H100")  # there is no network to ask
    assert other.estimated and other.remark is not None and "not in the cache" in other.remark


def test_what_cannot_be_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="A size will do as well: 8B"):
        fit("some-model", hardware="H100")
    with pytest.raises(ModelNotFound, match="There is no folder"):
        fit(str(tmp_path / "model-8B"), hardware="H100")
    with pytest.raises(UsageError, match="bandwidth and memory say together"):
        fit("8B", bandwidth=100)
    with pytest.raises(UsageError, match="depths is"):
        fit("8B", hardware="H100", depths=[-1])


def test_of_a_gguf_file_on_the_hub_the_header_alone_is_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("causerie.checkpoint.ranges.FIRST_BYTES", 1024)
    monkeypatch.setattr("causerie.checkpoint.gguf.cursor.PIECE", 1024)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    parts = tiny_gguf(parts=2)
    with running_hub() as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        hub.add("org/t-GGUF", {"t-Q4_K_M.gguf": tiny_gguf(kind="F32")[0]} | {
            f"t-Q8_0-{i + 1:05d}-of-00002.gguf": part for i, part in enumerate(parts)})  # fmt: skip
        usual, other = fit("org/t-GGUF", hardware="H100"), fit("org/t-GGUF:Q8_0", hardware="H100")
        assert sum(map(len, parts)) / 2 > hub.sent > 1024
        assert not list(tmp_path.rglob("*.gguf"))
        with pytest.raises(OSError, match="has no GGUF file 'Q6_K'"):
            fit("org/t-GGUF:Q6_K", hardware="H100")
        hub.fault = lambda exchange: exchange.answer(503)
        guess = fit("org/t-8B-GGUF:Q6_K", hardware="H100")
    assert usual.known_from == other.known_from == "headers" and not usual.here
    assert usual.parameters == other.parameters == PARAMETERS
    assert (usual.stored_bytes or 0) > 3 * (other.stored_bytes or 0) > 0
    assert [each.form.name for each in other.plan.precisions] == ["q8_0"]
    assert guess.estimated and "503" in str(guess.remark)


def test_the_command_prints_a_table_and_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "float32" in text and f"causerie chat {folder}" in text and "headers of its weights" in text
    assert main(["fit", "30B-A3B", "--hardware", "rtx 4090", "--depth", "0,4096", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["estimated"] and report["recommended"] == "int4" and report["speeds_assumed"]
    assert report["active_parameters"] == pytest.approx(3.3e9, rel=0.12)
    first, last = report["precisions"][0], report["precisions"][-1]
    assert not first["fits"] and last["fits"] and last["largest_context"] > 8192
    assert [each["depth"] for each in last["decode"]] == [0, 4096]
    assert main(["fit", "30B-A3B", "--hardware", "rtx 4090"]) == 0
    text = capsys.readouterr().out
    assert "Take int4: the most exact that fits." in text and "about 30" in text
    assert main(["fit", "8B", "--hardware", "abacus"]) == 2
    assert "Unknown hardware 'abacus'" in capsys.readouterr().err


def test_a_model_of_the_hub_is_known_from_its_headers(folder: Path, kept: Path, tmp_path: Path) -> None:
    """In a process of its own, which reads HF_ENDPOINT when it begins: nothing but config.json is kept of it."""
    files = {each.name: each.read_bytes() for each in folder.iterdir()}
    with running_hub() as hub:
        hub.add("org/tiny", files)
        hub.add("org/old", {**files, "model.safetensors": b"damaged"})
        own = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path), "CAUSERIE_CACHE": str(kept)}
        for name, source in (("org/tiny", "headers"), ("org/old", "config")):
            words = [sys.executable, "-m", "causerie.cli.main", "fit", name, "--json"]
            done = subprocess.run(words, env={**os.environ, **own}, capture_output=True, text=True, timeout=100)
            assert done.returncode == 0, done.stderr
            report = json.loads(done.stdout)
            assert report["known_from"] == source and not report["here"] and not report["estimated"]
            assert report["parameters"] == causerie.fit(str(folder)).parameters
            assert report["disk_free_bytes"] > 0
            assert (report["stored_bytes"] is None) == (source == "config") == (report["remark"] is not None)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_full_disk_is_told_of(folder: Path) -> None:
    whole = replace(fit(str(folder), hardware="H100"), here=False, stored_bytes=5 * 10**9, disk_free=4 * 10**9)
    assert "5.00 GB, to be downloaded; its disk has 4.00 GB free, which is too little\n" in as_lines(whole)
    assert "too little" not in as_lines(replace(whole, disk_free=6 * 10**9))


def test_a_machine_is_measured_once(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.from_environment()
    before = machine_record(settings)
    assert before == machine_record(settings) and before.lasted > 0
    assert len(before.bandwidth) > 3 and before.bandwidth_span.low <= before.bandwidth_span.usual
    assert set(before.operations) == {"float32", "bfloat16", "int8"}

    def another(*_: Any, **__: Any) -> Any:
        raise AssertionError("measured again")

    monkeypatch.setattr(probing.MachineRecord, "measure", another)
    machine_record(settings)
    with pytest.raises(AssertionError, match="measured again"):
        machine_record(settings, again=True)
    file = kept / "machine.json"
    content = file.read_text()
    for other in (content.replace('"cores": ', '"cores": 1'), content[:-9], "[]", '{"version": 1}'):
        file.write_text(other)
        with pytest.raises(AssertionError, match="measured again"):
            machine_record(settings)
    file.write_text(content)
    machine_record(settings)


def test_a_graphics_card_is_the_place_where_torch_sees_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As if there were one, which is measured by a copy and a product on the processor."""
    from causerie.backends.torch import devices, meter

    card = devices.Device("cuda:0", True, "Tesla V, 30.0 of 32.0 GB free.", 30 * 10**9, 32 * 10**9)
    monkeypatch.setattr(devices, "devices", lambda: [card])
    monkeypatch.setattr(probing, "gpu_seems_there", lambda: True)
    monkeypatch.setattr(meter, "bandwidth", lambda name: 9e11)
    monkeypatch.setattr(meter, "operations", lambda name: 1e14)
    settings = Settings(cache_folder=str(tmp_path))
    computer = probing.this_machine(settings)
    assert (computer.name, computer.kind, computer.memory) == ("Tesla V (cuda:0)", "gpu", 30 * 10**9)
    assert computer.bandwidth.usual == 9e11 and computer.operations["int8"].usual == 1e14 and not computer.packs
    assert machine_record(settings).cards[0].label == "Tesla V"  # kept, and read again
