"""EAGLE3 checkpoints: what their two ways to write a config mean, and the sentence for each that does not fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.errors import CauserieError, ConfigError, ConfigWarning, Unsupported, UsageError, WeightFileError
from causerie.loading.eagle3 import HeadSurvey, survey_head
from causerie.loading.load import survey
from causerie.models.config import read_config
from causerie.models.eagle3 import eagle3_head, eagle3_names, head_kind
from causerie.models.registry import spec_from_config
from causerie.spec.decoder import Decoder
from causerie.spec.eagle3 import PairedLayer
from tests.parity.cases import TINY
from tests.parity.eagle3 import LAYER, HeadCase

TARGET = spec_from_config({"model_type": "llama", **TINY, "num_hidden_layers": 9})
PLAIN = HeadCase("plain", TARGET.width)
SPECULATORS = HeadCase("speculators", TARGET.width, speculators=True)


def surveyed(folder: Path, target: Decoder = TARGET) -> HeadSurvey:
    with SafetensorsIndex.open(folder) as index:
        return survey_head(index, read_config(folder), target)


def rewrite(folder: Path, config: dict[str, Any], tensors: dict[str, torch.Tensor | None]) -> None:
    """Changes keys and tensors of a checkpoint; None takes one away."""
    said = json.loads((folder / "config.json").read_text()) | config
    (folder / "config.json").write_text(json.dumps({key: value for key, value in said.items() if value is not None}))
    both = load_file(folder / "model.safetensors") | tensors
    save_file({name: each for name, each in both.items() if each is not None}, folder / "model.safetensors")


LAYERS: list[tuple[HeadCase, dict[str, Any], tuple[int, ...]]] = [
    (PLAIN, {}, (2, 4, 6)),
    (SPECULATORS, {}, (2, 4, 6)),
    (SPECULATORS, {"eagle_aux_hidden_state_layer_ids": [1, 5, 8]}, (1, 5, 8)),
    (SPECULATORS, {"aux_hidden_state_layer_ids": [0, 5, 8]}, (0, 5, 8)),
    (PLAIN, {"eagle_config": {"eagle_aux_hidden_state_layer_ids": [1, 3, 5]}}, (2, 4, 6)),
    (
        PLAIN,
        {
            "eagle_config": {
                "eagle_aux_hidden_state_layer_ids": [],
                "use_aux_hidden_state": True,
                "parallel_draft_step": 1,
            }
        },
        (2, 4, 6),
    ),
]


@pytest.mark.parametrize(("case", "keys", "taps"), LAYERS)
def test_layers_that_are_read(tmp_path: Path, case: HeadCase, keys: dict[str, Any], taps: tuple[int, ...]) -> None:
    found = surveyed(replace(case, own=keys).save(tmp_path))
    assert found.spec.taps == taps and found.spec.states_width == 3 * TARGET.width


def test_what_a_config_means(tmp_path: Path) -> None:
    plain, other = surveyed(PLAIN.save(tmp_path / "a")), surveyed(SPECULATORS.save(tmp_path / "b"))
    for found, normed in ((plain, False), (other, True)):
        first = found.spec.layers[0]
        assert isinstance(first, PairedLayer) and first.residual_normed is normed
        assert (found.spec.guessed, found.spec.vocab, found.spec.context) == (40, 131, TARGET.context)
        assert not found.spec.tied and found.spec.own_embedding and not found.spec.taps_normed
        chosen = load_file(tmp_path / ("a" if found is plain else "b") / "model.safetensors")["t2d"].nonzero()[:, 0]
        np.testing.assert_array_equal(found.tokens, chosen.numpy())
    assert plain.nbytes == 4 * plain.spec.parameters
    bare = surveyed(replace(PLAIN, embeds=False, guessed=131, layer={"hidden_size": TARGET.width}).save(tmp_path / "c"))
    assert not bare.spec.own_embedding and "embed" not in bare.formats
    np.testing.assert_array_equal(bare.tokens, np.arange(131))


_QWEN3_32B = {
    "attention_bias": False, "attention_dropout": 0.0, "head_dim": 128, "hidden_act": "silu", "hidden_size": 5120,
    "initializer_range": 0.02, "intermediate_size": 25600, "max_position_embeddings": 40960, "mlp_bias": False,
    "model_type": "llama", "num_attention_heads": 64, "num_hidden_layers": 1, "num_key_value_heads": 8,
    "pretraining_tp": 1, "rms_norm_eps": 1e-06, "rope_scaling": None, "rope_theta": 1000000,
    "torch_dtype": "bfloat16", "use_cache": True, "vocab_size": 151936,
}  # fmt: skip
_SAID = {
    "algorithm": "eagle3",
    "default_proposal_method": "greedy",
    "proposal_methods": [{"accept_tolerance": 0.0, "proposal_type": "greedy", "speculative_tokens": 3}],
    "verifier": {"architectures": ["Qwen3ForCausalLM"], "name_or_path": "Qwen/Qwen3-32B"},
}
PUBLISHED: dict[str, tuple[dict[str, Any], int, int, tuple[int, ...]]] = {  # width and layers of the model, the taps
    "speculators": (
        {
            "architectures": ["Eagle3Speculator"], "auto_map": {"": "eagle3.Eagle3SpeculatorConfig"},
            "draft_vocab_size": 32000, "has_no_defaults_at_init": False, "norm_before_residual": True,
            "speculators_config": _SAID, "speculators_model_type": "eagle3", "speculators_version": "0.2.0",
            "target_hidden_size": None, "torch_dtype": "bfloat16", "transformer_layer_config": _QWEN3_32B,
            "transformers_version": "4.53.2",
        }, 5120, 64, (2, 32, 61),
    ),
    "newer speculators": (
        {
            "architectures": ["Eagle3DraftModel"], "draft_vocab_size": 64000, "dtype": "bfloat16",
            "eagle_aux_hidden_state_layer_ids": None, "embed_requires_grad": False, "norm_before_fc": True,
            "norm_before_residual": True, "speculators_config": _SAID, "speculators_model_type": "eagle3",
            "tie_word_embeddings": False, "transformer_layer_config": {
                "model_type": "llama", "hidden_size": 2880, "num_hidden_layers": 1, "num_attention_heads": 64,
                "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 2880, "vocab_size": 201088,
                "rms_norm_eps": 1e-5, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
            },
        }, 2880, 24, (2, 12, 21),
    ),
    "SpecForge": (
        {
            "architectures": ["LlamaForCausalLMEagle3"], "bos_token_id": 128000, "eos_token_id": 128001,
            "eagle_config": {"eagle_aux_hidden_state_layer_ids": [1, 29, 57], "use_aux_hidden_state": True},
            "hidden_act": "silu", "hidden_size": 7168, "initializer_range": 0.02, "intermediate_size": 29568,
            "max_position_embeddings": 32768, "model_type": "llama", "num_attention_heads": 32,
            "num_key_value_heads": 8, "num_hidden_layers": 1, "pad_token_id": 0, "rms_norm_eps": 1e-05,
            "tie_word_embeddings": False, "torch_dtype": "float16", "transformers_version": "4.28.1",
            "use_cache": True, "rope_scaling": None, "vocab_size": 129280, "draft_vocab_size": 32000,
            "pretraining_tp": 1,
        }, 7168, 61, (2, 30, 58),
    ),
    "a rotation as the model's": (
        {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": 1,
            "truncated_vocab_size": 64000, "hidden_size": 2880, "num_attention_heads": 64, "num_key_value_heads": 8,
            "head_dim": 64, "intermediate_size": 11520, "vocab_size": 201088, "rms_norm_eps": 1e-5,
            "rope_theta": 150000, "rope_scaling": {
                "beta_fast": 32.0, "beta_slow": 1.0, "factor": 32.0, "original_max_position_embeddings": 4096,
                "rope_type": "yarn", "truncate": False,
            },
        }, 2880, 36, (2, 18, 33),
    ),
}  # fmt: skip


@pytest.mark.parametrize("program", PUBLISHED)
def test_configs_as_programs_write_them_are_read_without_a_warning(program: str) -> None:
    config, width, layers, taps = PUBLISHED[program]
    layer = config.get("transformer_layer_config", config)
    guessed = config.get("draft_vocab_size", 64000)
    target = replace(TARGET, width=width, vocab=layer["vocab_size"], layers=TARGET.layers[:1] * layers)
    tensors = {"d2t": (guessed,), "embed_tokens.weight": (target.vocab, width), "fc.weight": (width, 3 * width)}
    spec = eagle3_head(config, target, tensors)
    assert (spec.taps, spec.guessed, spec.width, len(spec.layers)) == (taps, guessed, width, 1)
    assert spec.taps_normed == config.get("norm_before_fc", False)
    names = eagle3_names(config, spec)
    assert {tensor for weight in spec.weights() for tensor in names.expression(weight.name).tensors} > {
        "fc.weight", "lm_head.weight", "layers.0.hidden_norm.weight", "layers.0.self_attn.q_proj.weight"
    }  # fmt: skip


def test_keys_of_programs_that_use_heads_are_passed_over_and_others_told(tmp_path: Path) -> None:
    keys = {"speculators_config": {"algorithm": "eagle3"}, "embed_requires_grad": False, "fc_norm": False}
    surveyed(replace(SPECULATORS, own=keys).save(tmp_path))
    rewrite(tmp_path, {"favourite": 3}, {})
    with pytest.warns(ConfigWarning, match="'favourite' = 3"):
        surveyed(tmp_path)


FAULTS: dict[str, tuple[HeadCase, dict[str, Any], dict[str, torch.Tensor | None], type[CauserieError], str]] = {
    "another width": (replace(PLAIN, target_width=40), {}, {}, UsageError, "reads rows of 40 numbers.* have 64"),
    "a width that is said": (PLAIN, {"target_hidden_size": 48}, {}, UsageError, "rows of 48 numbers"),
    "another vocabulary": (
        replace(PLAIN, layer={"vocab_size": 130}), {}, {}, UsageError, "it knows 130 tokens, and the model 131",
    ),
    "layers beyond": (
        PLAIN, {"eagle_aux_hidden_state_layer_ids": [2, 6, 20]}, {}, UsageError, "layers 2, 6, 20.* has 9 layers",
    ),
    "two faults": (
        replace(PLAIN, layer={"vocab_size": 130}), {"target_hidden_size": 48}, {}, UsageError, "48 .*; it knows 130",
    ),
    "no embedding": (replace(PLAIN, embeds=False), {}, {}, UsageError, "has no embedding"),
    "no offsets": (PLAIN, {}, {"d2t": None}, UsageError, "guesses 40 of 131 tokens and has no tensor 'd2t'"),
    "offsets beyond": (
        PLAIN, {}, {"d2t": torch.full((40,), 100)}, WeightFileError, "lead to token 131, and the model has 131",
    ),
    "offsets before": (PLAIN, {}, {"d2t": torch.full((40,), -1)}, WeightFileError, "lead to token -1"),
    "too few offsets": (PLAIN, {}, {"d2t": torch.zeros(39, dtype=torch.int64)}, WeightFileError, "a whole number each"),
    "offsets of reals": (PLAIN, {}, {"d2t": torch.zeros(40)}, WeightFileError, "is F32 of shape"),
    "missing": (
        PLAIN, {}, {"norm.weight": None, "midlayer.mlp.up_proj.weight": None}, WeightFileError,
        "lacks 'midlayer.mlp.up_proj.weight', 'norm.weight'",
    ),
    "misshapen": (
        PLAIN, {}, {"fc.weight": torch.zeros(47, 192)}, WeightFileError, r"'fc.weight' has shape \(47, 192\)",
    ),
    "narrow": (
        PLAIN, {}, {"midlayer.self_attn.q_proj.weight": torch.zeros(48, 48)}, WeightFileError, "at least 96 columns",
    ),
    "norms of each": (PLAIN, {"fc_norm": True}, {}, ConfigError, "'fc_norm' = true .only false is done here"),
    "one layer alone": (
        PLAIN, {"eagle_config": {"use_aux_hidden_state": False}}, {}, ConfigError, "eagle_config.use_aux_hidden_state",
    ),
    "several at once": (PLAIN, {"eagle_config": {"parallel_draft_step": 4}}, {}, ConfigError, "parallel_draft_step"),
    "another layer": (PLAIN, {"model_type": "gemma2"}, {}, Unsupported, "layers of the family 'gemma2'"),
    "a window": (PLAIN, {"sliding_window": 8}, {}, ConfigError, "'sliding_window' = 8"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_head_that_does_not_fit_is_refused(tmp_path: Path, fault: str) -> None:
    case, config, tensors, error, match = FAULTS[fault]
    case.save(tmp_path)
    rewrite(tmp_path, config, tensors)
    with pytest.raises(error, match=match):
        surveyed(tmp_path)


def test_a_model_of_few_layers_has_none_to_read(tmp_path: Path) -> None:
    few = replace(TARGET, layers=TARGET.layers[:2])
    with pytest.raises(UsageError, match="layers 2, 1, -1 are given, and the model has 2 layers"):
        surveyed(PLAIN.save(tmp_path), few)


def test_a_head_is_no_model(tmp_path: Path) -> None:
    """Nor is one of EAGLE or EAGLE-2, which lacks the norm of states, and reads the last layer alone."""
    PLAIN.save(tmp_path)
    older = {"midlayer.hidden_norm.weight": None, "d2t": None, "t2d": None, "fc.weight": torch.zeros(48, 96)}
    older |= {"layers.0.self_attn.q_proj.weight": torch.zeros(48, 48)}
    cases: list[tuple[dict[str, Any], dict[str, torch.Tensor | None], type[CauserieError], str]] = [
        ({}, {}, UsageError, "is an EAGLE3 head, which guesses for another model"),
        ({"architectures": ["LlamaForCausalLM"]}, {}, UsageError, "is an EAGLE3 head"),
        ({"architectures": ["LlamaForCausalLM"]}, older, Unsupported, "a head of EAGLE or EAGLE-2"),
        ({"architectures": ["EagleLlamaForCausalLM"]}, {}, Unsupported, "a head of EAGLE or EAGLE-2"),
    ]
    for config, tensors, error, match in cases:
        rewrite(tmp_path, config, tensors)
        with pytest.raises(error, match=match), SafetensorsIndex.open(tmp_path) as index:
            survey(index, read_config(tmp_path))
    assert head_kind({"speculators_model_type": "eagle3"}) == "EAGLE3"
    assert head_kind({"architectures": ["EagleSpeculator"], "speculators_model_type": "eagle"}) == "EAGLE"
    assert head_kind({**LAYER, "architectures": ["LlamaForCausalLM"]}, ["model.norm.weight", "lm_head.weight"]) is None
