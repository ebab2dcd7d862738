"""LFM2 and its convolutions, beyond what every family is tested for: which layers convolve, widths, other names of the
same, formats, saving."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import Lfm2Config, Lfm2ForCausalLM

from causerie import AutoModelForCausalLM
from causerie.backends.native.backend import NativeBackend
from causerie.backends.ops import Backend
from causerie.backends.torch.backend import TorchBackend
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.cli.main import main
from causerie.errors import ConfigError
from causerie.loading.load import load_model
from causerie.models.config import read_config
from causerie.models.registry import spec_from_config
from causerie.plan.footprint import cache_format
from causerie.quant.config import QuantConfig
from causerie.spec.cost import PartCost
from causerie.spec.decoder import Decoder
from causerie.spec.layer_cache import Slot
from causerie.spec.short_conv import ShortConv
from tests.parity.configs import PROMPT, TINY, Case
from tests.parity.harness import prompt_logits, reference, reference_greedy, room_for, save_case, some_tokens

FolderOf = Callable[[Case | str], Path]
IDS = some_tokens(PROMPT, 3)
SIZES = {key: TINY[key] for key in TINY if key != "rms_norm_eps"} | {"model_type": "lfm2"}
# Of widths that every format can hold.
WIDE = Case(
    "lfm2, widths of whole groups",
    "lfm2",
    {
        "rms_norm_eps": None,
        "intermediate_size": 192,
        "block_multiple_of": 64,
        "layer_types": ["conv", "full_attention", "conv"],
        "conv_L_cache": 4,
        "tie_word_embeddings": True,
    },
)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_case(WIDE, tmp_path_factory.mktemp("wide") / "model")


def kinds(spec: Decoder) -> list[str]:
    return ["conv" if isinstance(layer.mixer, ShortConv) else "full_attention" for layer in spec.layers]


@pytest.mark.parametrize("numbers", [None, [], [1], [0, 2], [2, 1, 0]])
def test_layers_by_their_numbers_are_those_of_the_field(numbers: list[int] | None) -> None:
    theirs = Lfm2Config(**SIZES, full_attn_idxs=numbers)
    assert kinds(spec_from_config(SIZES | {"full_attn_idxs": numbers})) == theirs.layer_types
    both = SIZES | {"full_attn_idxs": [0], "layer_types": theirs.layer_types}
    assert kinds(spec_from_config(both)) == Lfm2Config(**both).layer_types == theirs.layer_types


@pytest.mark.parametrize("size", [88, 100, 257])
@pytest.mark.parametrize("share", [None, 1, 1.0, 0.7, 1.3])
@pytest.mark.parametrize("multiple", [1, 24, 256])
@pytest.mark.parametrize("adjusts", [True, False])
def test_the_middle_is_as_wide_as_in_the_field(size: int, share: float | None, multiple: int, adjusts: bool) -> None:
    from transformers.models.lfm2.modeling_lfm2 import Lfm2MLP

    said = {
        "block_ff_dim": size,
        "block_ffn_dim_multiplier": share,
        "block_multiple_of": multiple,
        "block_auto_adjust_ff_dim": adjusts,
    }
    with torch.device("meta"):
        values = Lfm2Config(**SIZES).to_dict() | said | {"intermediate_size": size}
        expected = Lfm2MLP(SimpleNamespace(**values)).w1.out_features
    others = {key: value for key, value in SIZES.items() if key != "intermediate_size"}
    assert {layer.ffn.hidden for layer in spec_from_config(others | said).layers} == {expected}


@pytest.mark.parametrize("said", [{}, {"tie_embedding": False, "full_attn_idxs": [2], "conv_bias": True}], ids=str)
def test_defaults_are_those_of_the_field(said: dict[str, Any]) -> None:
    theirs = Lfm2Config(**SIZES | said)
    ours = spec_from_config(SIZES | said)
    written = {key: value for key, value in theirs.to_dict().items() if value is not None}
    assert ours == spec_from_config(written)
    with torch.device("meta"):
        assert ours.parameters == sum(weight.numel() for weight in Lfm2ForCausalLM(theirs).parameters())
    assert (next(ours.attentions).rope.theta, ours.norm.eps) == (1e6, theirs.norm_eps)


@pytest.mark.parametrize(
    "said",
    [
        {"conv_dim": 32},
        {"conv_dim_out": 32},
        {"block_dim": 32},
        {"num_heads": 2},
        {"block_norm_eps": 1e-4},
        {"block_use_swiglu": False},
        {"use_pos_enc": False},
        {"hidden_act": "gelu"},
        {"conv_L_cache": 1},
        {"full_attn_idxs": [3]},
        {"full_attn_idxs": [-1]},
        {"full_attn_idxs": 1},
        {"full_attn_idxs": [True]},
        {"layer_types": ["conv", "sliding_attention", "conv"]},
        {"layer_types": ["conv"]},
        {"block_ffn_dim_multiplier": 1e12},
        {"block_ff_dim": 100},  # and another intermediate_size
        {"rms_norm_eps": 1e-3},
    ],
    ids=str,
)
def test_what_would_be_another_model_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(said))):
        spec_from_config(SIZES | said)


def test_a_width_of_nothing_is_refused() -> None:
    said = {"intermediate_size": 1, "block_ffn_dim_multiplier": None}
    with pytest.raises(ConfigError, match="block_ffn_dim_multiplier"):
        spec_from_config(SIZES | said)


def test_what_a_convolution_keeps_and_costs() -> None:
    spec = spec_from_config(SIZES | {"full_attn_idxs": [1], "conv_L_cache": 5})
    conv = spec.layers[0].mixer
    assert conv.cache == Slot(4 * 64)
    assert conv.cost(64) == PartCost(4 * 64 * 64 + 5 * 64)
    assert (spec.slot_layers, [group.layers for group in spec.page_groups]) == ((0, 2), [(1,)])


def loaded(folder: Path, backend: Backend, **options: Any) -> Any:
    """A model with the cache of the harness."""
    with SafetensorsIndex.open(folder) as index:
        return load_model(
            index,
            read_config(folder),
            backend=backend,
            size_cache=lambda spec, held: room_for(spec, backend.block_size, cache_format(held)),
            **options,
        )


FORMATS: dict[str, dict[str, Any]] = {
    "float32": {},
    "float16": {"dtype": "float16"},
    "bfloat16": {"dtype": "bfloat16"},
    "int8": {"quantization": QuantConfig.named("int8")},
    "int4": {"quantization": QuantConfig.named("int4")},
    "nf4 in bfloat16": {"quantization": QuantConfig.named("nf4"), "dtype": "bfloat16"},
}


@pytest.mark.parametrize("format", FORMATS)
def test_native_logits_are_the_same_however_it_is_run(format: str, wide: Path) -> None:
    prompts = [some_tokens(length, length) for length in (PROMPT, 3, 17, 1, 2)]
    model = loaded(wide, NativeBackend(2), **FORMATS[format])
    alone = [prompt_logits(model, [prompt])[0] for prompt in prompts]
    for chunk in (None, 1, 2, 5):
        for one, other in zip(prompt_logits(model, prompts, chunk), alone, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("format", FORMATS)
def test_both_backends_give_nearly_the_same(format: str, wide: Path) -> None:
    backends: tuple[Backend, ...] = (NativeBackend(1), TorchBackend())
    native, plain = (prompt_logits(loaded(wide, backend, **FORMATS[format]), [IDS])[0] for backend in backends)
    near = {"float32": 1e-5, "float16": 0.01}.get(format, 0.08)
    assert np.sqrt(np.square(native - plain).mean()) < near * plain.std()


def test_the_taps_are_never_quantized(wide: Path) -> None:
    model = loaded(wide, NativeBackend(1), **FORMATS["int4"])
    formats = {name: weight.format for name, weight in model.executable._weights.items()}
    assert formats["layers.0.mixer.in"] == formats["layers.2.mixer.out"] == "int4"
    assert formats["layers.0.mixer.conv"] == "float32"


def _tensors(folder: Path) -> dict[str, NDArray[Any]]:
    with SafetensorsIndex.open(folder) as index:
        return {name: index.read(name) for name in index.names()}


def _logits(folder: Path, backend: Any, **options: Any) -> NDArray[Any]:
    model = AutoModelForCausalLM.from_pretrained(folder, backend=backend, **options)
    logits = np.asarray(model([IDS]).logits)
    model.close()
    return logits


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_a_saved_model_has_the_tensors_of_its_file(backend: str, folder_of: FolderOf, tmp_path: Path) -> None:
    folder = folder_of("lfm2, biases, five taps, a wide middle")
    model = AutoModelForCausalLM.from_pretrained(folder, backend=backend)
    model.save_pretrained(tmp_path / "saved")
    model.close()
    before, after = _tensors(folder), _tensors(tmp_path / "saved")
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert after["model.layers.0.conv.conv.weight"].shape == (64, 1, 5)
    Lfm2ForCausalLM.from_pretrained(tmp_path / "saved")


@pytest.mark.parametrize(
    "options", [{"quantization": "int8"}, {"quantization": "int4"}, {"dtype": "bfloat16"}], ids=str
)
@pytest.mark.parametrize("prepared", [False, True])
def test_it_is_saved_and_loaded_again(options: dict[str, str], prepared: bool, wide: Path, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(wide, backend="native", **options)
    before = np.asarray(model([IDS]).logits)
    model.save_pretrained(tmp_path / "saved", **({"prepared": True} if prepared else {}))
    model.close()
    np.testing.assert_array_equal(_logits(tmp_path / "saved", "native"), before)


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_generate_says_what_transformers_says(backend: str, folder_of: FolderOf) -> None:
    folder = folder_of("lfm2")
    model = AutoModelForCausalLM.from_pretrained(folder, backend=backend)
    for prompt in (some_tokens(30, 30), some_tokens(5, 5)):
        expected = reference_greedy(reference(folder), prompt, 24)
        assert np.asarray(model.generate([prompt], max_new_tokens=24))[0, len(prompt) :].tolist() == expected
    model.close()


def test_info_names_what_convolves(wide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(wide), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    parts = {part["kind"]: part["parameters"] for part in report["weights"]}
    assert list(parts)[:4] == ["embedding and head", "attention", "convolution", "feed-forward"]
    assert parts["convolution"] == 2 * (3 + 1) * 64 * 64
