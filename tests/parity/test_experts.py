"""A mixture of experts, beyond what every family is tested for: both arrangements of its files, formats, saving, ties,
and that experts which no token goes to are not read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from causerie import AutoModelForCausalLM
from causerie.backends.ops import Backend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.cli.main import main
from causerie.errors import ConfigError, WeightFileError
from causerie.models.config import read_config
from causerie.models.registry import spec_from_config
from causerie.plan.speed import active_bytes, step_work
from causerie.quant.config import QuantConfig
from tests.parity.cases import CASES, PROMPT, Case
from tests.parity.harness import load, prompt_logits, reference, reference_logits, save_case, some_tokens

FolderOf = Callable[[Case | str], Path]
IDS = some_tokens(PROMPT, 3)
EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
WIDE = Case("mixtral, widths of whole groups", "mixtral", EXPERTS | {"hidden_size": 64, "intermediate_size": 128})
Tensors = dict[str, NDArray[Any]]


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_case(WIDE, tmp_path_factory.mktemp("wide") / "model")


def _tensors(folder: Path) -> Tensors:
    with SafetensorsIndex.open(folder) as index:
        return {name: index.read(name) for name in index.names()}


def _with(folder: Path, target: Path, tensors: Tensors, **config: Any) -> Path:
    shutil.copytree(folder, target)
    write_safetensors(target / "model.safetensors", tensors)
    (target / "config.json").write_text(json.dumps(read_config(folder) | config))
    return target


def _stacked(folder: Path, target: Path) -> Path:
    """The same folder with all experts of a layer in one tensor, as transformers holds them."""
    tensors = _tensors(folder)
    config = read_config(folder)
    experts = range(config["num_local_experts"])
    for i in range(config["num_hidden_layers"]):
        sparse, mlp = f"model.layers.{i}.block_sparse_moe.", f"model.layers.{i}.mlp."
        each = {w: [tensors.pop(f"{sparse}experts.{e}.{w}.weight") for e in experts] for w in ("w1", "w2", "w3")}
        both = [np.concatenate(pair) for pair in zip(each["w1"], each["w3"], strict=True)]
        tensors[f"{mlp}experts.gate_up_proj"] = np.stack(both)
        tensors[f"{mlp}experts.down_proj"] = np.stack(each["w2"])
        tensors[f"{mlp}gate.weight"] = tensors.pop(f"{sparse}gate.weight")
    return _with(folder, target, tensors)


def _logits(folder: Path, backend: Any, **options: Any) -> NDArray[Any]:
    model = AutoModelForCausalLM.from_pretrained(folder, backend=backend, **options)
    logits = np.asarray(model([IDS]).logits)
    model.close()
    return logits


@pytest.mark.parametrize("case", [case for case in CASES if case.family == "mixtral"][:2], ids=lambda case: case.name)
def test_both_arrangements_of_files_are_the_same_model(
    case: Case, backend: Backend, folder_of: FolderOf, tmp_path: Path
) -> None:
    folder = folder_of(case)
    alone = prompt_logits(load(folder, backend), [IDS])[0]
    stacked = prompt_logits(load(_stacked(folder, tmp_path / "stacked"), backend), [IDS])[0]
    np.testing.assert_array_equal(stacked, alone)


@pytest.mark.parametrize("experts", [3, 5])
def test_a_stack_of_another_number_of_experts_is_refused(
    experts: int, backend: Backend, folder_of: FolderOf, tmp_path: Path
) -> None:
    folder = _stacked(folder_of("mixtral"), tmp_path / "stacked")
    config = read_config(folder) | {"num_local_experts": experts}
    with pytest.raises(WeightFileError, match="has shape"):
        load(folder, backend, config=config)


def test_an_expert_that_is_missing_or_left_over_is_named(backend: Backend, folder_of: FolderOf, tmp_path: Path) -> None:
    folder = folder_of("mixtral")
    tensors = _tensors(folder)
    less = {name: tensor for name, tensor in tensors.items() if "layers.1.block_sparse_moe.experts.3" not in name}
    with pytest.raises(WeightFileError, match=r"lacks.*layers\.1\.block_sparse_moe\.experts\.3\.w1"):
        load(_with(folder, tmp_path / "less", less), backend)
    extra = "model.layers.1.block_sparse_moe.experts.4.w2.weight"
    more = tensors | {extra: tensors[extra.replace("4", "0")]}
    with pytest.raises(WeightFileError, match=r"layers\.1\.block_sparse_moe\.experts\.4\.w2.*no place"):
        load(_with(folder, tmp_path / "more", more), backend)


@pytest.mark.parametrize("arrangement", ["alone", "stacked"])
@pytest.mark.parametrize("backend", ["native", "torch"])
def test_a_saved_model_has_the_names_of_its_file(
    arrangement: str, backend: str, folder_of: FolderOf, tmp_path: Path
) -> None:
    folder = folder_of("mixtral")
    if arrangement == "stacked":
        folder = _stacked(folder, tmp_path / "stacked")
    model = AutoModelForCausalLM.from_pretrained(folder, backend=backend)
    model.save_pretrained(tmp_path / "saved")
    model.close()
    before, after = _tensors(folder), _tensors(tmp_path / "saved")
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("arrangement", ["alone", "stacked"])
@pytest.mark.parametrize("backend", ["native", "torch"])
@pytest.mark.parametrize("format", ["int8", "int4", "nf4"])
def test_quantized_experts_are_saved_and_loaded_again(
    format: str, backend: str, arrangement: str, wide: Path, tmp_path: Path
) -> None:
    folder = wide if arrangement == "alone" else _stacked(wide, tmp_path / "stacked")
    model = AutoModelForCausalLM.from_pretrained(folder, backend=backend, quantization=format)
    before = np.asarray(model([IDS]).logits)
    model.save_pretrained(tmp_path / "saved")
    model.close()
    names = _tensors(tmp_path / "saved")
    routers = [name for name in names if name.endswith("gate.weight")]
    assert len(routers) == 3 and all(names[name].dtype == np.float32 for name in routers)
    np.testing.assert_array_equal(_logits(tmp_path / "saved", backend), before)
    plain = _logits(folder, backend)
    assert 1e-3 < np.sqrt(np.square(before - plain).mean()) < 0.6 * plain.std()


@pytest.mark.parametrize("arrangement", ["alone", "stacked"])
@pytest.mark.parametrize("options", [{}, {"dtype": "bfloat16"}, {"quantization": "int4"}], ids=str)
def test_a_prepared_folder_is_the_same_model(
    options: dict[str, str], arrangement: str, wide: Path, tmp_path: Path
) -> None:
    folder = wide if arrangement == "alone" else _stacked(wide, tmp_path / "stacked")
    model = AutoModelForCausalLM.from_pretrained(folder, backend="native", **options)
    before = np.asarray(model([IDS]).logits)
    model.save_pretrained(tmp_path / "prepared", prepared=True)
    model.close()
    np.testing.assert_array_equal(_logits(tmp_path / "prepared", "native"), before)


def test_some_experts_may_stay_plain(wide: Path) -> None:
    skip = ("model.layers.0.block_sparse_moe.experts.3", "model.layers.1.block_sparse_moe.experts.0.w3")
    for options in ({}, {"dtype": "bfloat16"}):
        mixed = QuantConfig("int4", skip=skip)
        native, plain = (_logits(wide, name, quantization=mixed, **options) for name in ("native", "torch"))
        assert np.sqrt(np.square(native - plain).mean()) < 0.1 * plain.std()


def test_of_equal_scores_the_first_expert_is_taken(backend: Backend, folder_of: FolderOf, tmp_path: Path) -> None:
    folder = folder_of("mixtral, one expert at a time")
    tensors = _tensors(folder)
    for name in [name for name in tensors if name.endswith("gate.weight")]:
        tensors[name][1:] = tensors[name][0]
    tied = prompt_logits(load(_with(folder, tmp_path / "tied", tensors), backend), [IDS])[0]
    kept = {name: tensor for name, tensor in tensors.items() if ".experts.1." not in name and ".experts.2." not in name}
    kept |= {name: tensor[:1] for name, tensor in kept.items() if name.endswith("gate.weight")}
    only = prompt_logits(load(_with(folder, tmp_path / "only", kept, num_local_experts=1), backend), [IDS])[0]
    np.testing.assert_allclose(tied, only, atol=1e-4)


def test_an_expert_that_no_token_goes_to_is_not_read(backend: Backend, folder_of: FolderOf, tmp_path: Path) -> None:
    """Its numbers are none, and would be everywhere."""
    folder = folder_of("mixtral, one expert at a time")
    expected = prompt_logits(load(folder, backend), [IDS])[0]
    tensors = _tensors(folder)
    for name in [name for name in tensors if name.endswith("gate.weight")]:
        router = tensors[name]  # rows of a fourth expert, whose score is never above all others
        tensors[name] = np.concatenate([router, router.mean(0, keepdims=True)])
        for w in ("w1", "w2", "w3"):
            other = name.replace("gate.weight", f"experts.0.{w}.weight")
            tensors[other.replace("experts.0", "experts.3")] = np.full_like(tensors[other], np.nan)
    found = prompt_logits(load(_with(folder, tmp_path / "four", tensors, num_local_experts=4), backend), [IDS])[0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_what_is_said_of_training_changes_nothing(backend: Backend, folder_of: FolderOf) -> None:
    folder = folder_of("mixtral")
    said = {"router_jitter_noise": 0.7, "router_aux_loss_coef": 3.0, "output_router_logits": True}
    model = load(folder, backend, config=read_config(folder) | said)
    expected = reference_logits(reference(folder), IDS)
    np.testing.assert_allclose(prompt_logits(model, [IDS])[0], expected, atol=1e-4)


def test_more_active_experts_than_there_are_is_refused() -> None:
    with pytest.raises(ConfigError, match="num_experts_per_tok"):
        spec_from_config(WIDE.values | {"model_type": "mixtral", "num_experts_per_tok": 5})


def test_defaults_are_those_of_the_field() -> None:
    from transformers import MixtralConfig

    ours = spec_from_config({"model_type": "mixtral"})
    theirs = MixtralConfig()
    mixer, ffn = ours.layers[0].mixer, ours.layers[0].ffn
    assert (ours.vocab, ours.width, ours.norm.eps) == (theirs.vocab_size, theirs.hidden_size, theirs.rms_norm_eps)
    assert (mixer.heads, mixer.kv_heads, mixer.window) == (theirs.num_attention_heads, theirs.num_key_value_heads, None)
    assert mixer.rope.theta == theirs.rope_parameters["rope_theta"]
    assert (len(ours.layers), ours.context, ffn.hidden) == (32, theirs.max_position_embeddings, 14336)
    with torch.device("meta"):
        from transformers import MixtralForCausalLM

        assert ours.parameters == sum(weight.numel() for weight in MixtralForCausalLM(theirs).parameters())


def test_info_says_how_many_parameters_a_token_uses(folder_of: FolderOf, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(folder_of("mixtral"))
    assert main(["info", folder]) == 0
    told = capsys.readouterr().out
    assert main(["info", folder, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    idle = 3 * 2 * 3 * 64 * 88  # layers, experts that a token does not go to, matrices of each
    assert report["parameters"] - report["active_parameters"] == idle
    assert f"of which each token uses {report['active_parameters'] / 1e6:,.1f} M" in told
    # Held in float32: all that a token uses, but for the embedding, of which it reads a row.
    assert report["read_bytes"] == 4 * (report["active_parameters"] - 131 * 64)
    assert f"read per token  {report['read_bytes'] / 1e6:.2f} MB" in told
    assert [part["kind"] for part in report["weights"]][:3] == ["embedding", "attention", "feed-forward"]
    assert next(part["parameters"] for part in report["weights"] if part["kind"] == "router") == 3 * 4 * 64


def test_a_step_is_expected_to_read_the_experts_its_tokens_go_to() -> None:
    spec = spec_from_config({"model_type": "mixtral"})
    assert spec.active_parameters == pytest.approx(12.88e9, rel=1e-3)  # as its makers say: 12.9 of 46.7 billion
    expert = 3 * 4096 * 14336 * 2
    read = active_bytes(spec, 2 * spec.parameters, "bfloat16")

    def bytes_of(rows: int) -> float:
        return step_work(spec, read, ("bfloat16", "bfloat16"), rows=rows, depth=0, sequences=1, outputs=1).bytes

    assert read - bytes_of(1) == pytest.approx(32 * 6 * expert, rel=1e-3)
    assert read - bytes_of(2) == pytest.approx(32 * 8 * 0.75**2 * expert, rel=1e-3)
    assert bytes_of(200) >= read
    packed = step_work(spec, read * 3 // 4, ("bfloat16", "bfloat16"), rows=1, depth=0, sequences=1, outputs=1)
    assert packed.bytes == pytest.approx(0.75 * bytes_of(1), rel=1e-3)  # of held ones, however they are held
