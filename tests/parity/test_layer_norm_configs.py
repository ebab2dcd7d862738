"""Configs of families with layer norms with all the keys that published files have: none is refused or told of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from causerie.errors import ConfigError
from causerie.models.names import is_computed
from causerie.models.registry import spec_from_config
from causerie.spec.decoder import Decoder

# Keys as they stand in published files, sizes shortened.
_ALL: dict[str, Any] = {
    "architectures": ["SomeForCausalLM"], "bos_token_id": 1, "eos_token_id": 2, "initializer_range": 0.02,
    "torch_dtype": "float16", "transformers_version": "4.42.3", "use_cache": True, "vocab_size": 131,
}  # fmt: skip
_NEW = _ALL | {
    "attention_dropout": 0.0, "hidden_act": "silu", "hidden_size": 64, "intermediate_size": 88,
    "max_position_embeddings": 128, "num_attention_heads": 4, "num_hidden_layers": 3, "num_key_value_heads": 2,
    "tie_word_embeddings": False, "rope_theta": 10000.0,
}  # fmt: skip
_PHI = _NEW | {
    "model_type": "phi", "embd_pdrop": 0.0, "hidden_act": "gelu_new", "layer_norm_eps": 1e-05, "num_key_value_heads": 4,
    "partial_rotary_factor": 0.5, "qk_layernorm": False, "resid_pdrop": 0.1, "rope_scaling": None,
}  # fmt: skip
_STABLELM = _NEW | {
    "model_type": "stablelm", "layer_norm_eps": 1e-05, "partial_rotary_factor": 0.25, "use_qkv_bias": False,
}  # fmt: skip
_STARCODER2 = _NEW | {
    "model_type": "starcoder2", "embedding_dropout": 0.1, "hidden_act": "gelu_pytorch_tanh", "norm_epsilon": 1e-05,
    "residual_dropout": 0.1, "sliding_window": 32, "use_bias": True,
}  # fmt: skip
_COHERE = _NEW | {"model_type": "cohere", "attention_bias": False, "layer_norm_eps": 1e-05, "logit_scale": 0.0625}
_COHERE = {key: value for key, value in _COHERE.items() if key != "tie_word_embeddings"}
_NEOX = _ALL | {
    "model_type": "gpt_neox", "hidden_act": "gelu", "hidden_size": 64, "intermediate_size": 256, "layer_norm_eps": 1e-5,
    "max_position_embeddings": 128, "num_attention_heads": 4, "num_hidden_layers": 3, "rotary_emb_base": 10000,
    "rotary_pct": 0.25, "tie_word_embeddings": False,
}  # fmt: skip
_GPT2 = _ALL | {
    "model_type": "gpt2", "activation_function": "gelu_new", "attn_pdrop": 0.1, "embd_pdrop": 0.1,
    "layer_norm_epsilon": 1e-05, "n_ctx": 128, "n_embd": 64, "n_head": 4, "n_layer": 3, "n_positions": 128,
    "resid_pdrop": 0.1, "summary_activation": None, "summary_first_dropout": 0.1, "summary_proj_to_labels": True,
    "summary_type": "cls_index", "summary_use_proj": True,
    "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
}  # fmt: skip
_OPT = _ALL | {
    "model_type": "opt", "_remove_final_layer_norm": False, "activation_dropout": 0.0, "activation_function": "relu",
    "attention_dropout": 0.0, "do_layer_norm_before": True, "dropout": 0.1, "ffn_dim": 256, "hidden_size": 64,
    "init_std": 0.02, "layerdrop": 0.0, "max_position_embeddings": 128, "num_attention_heads": 4,
    "num_hidden_layers": 3, "pad_token_id": 1, "prefix": "</s>", "word_embed_proj_dim": 64,
}  # fmt: skip
_FALCON = _ALL | {
    "model_type": "falcon", "alibi": False, "apply_residual_connection_post_layernorm": False, "attention_dropout": 0.0,
    "auto_map": {"AutoConfig": "configuration_falcon.FalconConfig"}, "bias": False, "hidden_dropout": 0.0,
    "hidden_size": 64, "layer_norm_epsilon": 1e-05, "multi_query": True, "new_decoder_architecture": False,
    "num_attention_heads": 4, "num_hidden_layers": 3, "parallel_attn": True,
}  # fmt: skip
_BLOOM = _ALL | {
    "model_type": "bloom", "apply_residual_connection_post_layernorm": False, "attention_dropout": 0.0,
    "attention_softmax_in_fp32": True, "bias_dropout_fusion": True, "hidden_dropout": 0.0, "layer_norm_epsilon": 1e-05,
    "masked_softmax_fusion": True, "n_embed": 64, "n_inner": None, "n_layer": 3, "num_attention_heads": 4,
    "offset_alibi": 100, "pad_token_id": 3, "pretraining_tp": 1, "seq_length": 128, "skip_bias_add": True,
    "skip_bias_add_qkv": False,
}  # fmt: skip
REAL: dict[str, dict[str, Any]] = {
    "starcoder2-3b": _STARCODER2
    | {
        "activation_function": "gelu", "attention_softmax_in_fp32": True, "layer_norm_epsilon": 1e-05,
        "mlp_type": "default", "norm_type": "layer_norm", "scale_attention_softmax_in_fp32": True,
        "scale_attn_weights": True,
    },
    "starcoder2-15b": _STARCODER2,
    "stablelm-zephyr-3b": _STABLELM,
    "stablelm-2-1_6b": _STABLELM | {"hidden_dropout": 0.0, "rope_scaling": None, "use_qkv_bias": True},
    "stablelm-2-12b": _STABLELM | {"hidden_dropout": 0.0, "qk_layernorm": True, "use_parallel_residual": True},
    "phi-1_5": _PHI,
    "phi-2": _PHI | {"partial_rotary_factor": 0.5, "bos_token_id": 50256},
    "Minitron-4B-Base": _NEW
    | {
        "model_type": "nemotron", "attention_bias": False, "head_dim": 16, "hidden_act": "relu2", "mlp_bias": False,
        "norm_eps": 1e-05, "partial_rotary_factor": 0.5,
    },
    "OLMo-1B-hf": _NEW | {"model_type": "olmo", "attention_bias": False, "clip_qkv": None, "rope_scaling": None},
    "OLMo-7B-Instruct-hf": _NEW | {"model_type": "olmo", "attention_bias": False, "clip_qkv": 8.0, "pad_token_id": 1},
    "c4ai-command-r-v01": _COHERE | {"model_max_length": 131072, "pretraining_tp": 1, "rope_theta": 8e6},
    "aya-23-8B": _COHERE | {"pad_token_id": 0, "use_qk_norm": False, "rope_scaling": None},
    "c4ai-command-r-plus": _COHERE | {"use_qk_norm": True, "rope_theta": 75e6},
    "c4ai-command-r7b-12-2024": _COHERE
    | {
        "model_type": "cohere2", "_sliding_window_pattern": 4, "cache_implementation": "hybrid", "head_dim": 16,
        "layer_switch": 4, "logit_scale": 0.25, "order_of_interleaved_layers": "local_attn_first",
        "position_embedding_type": "rope_gptj", "rope_theta": 50000, "rotary_pct": 1.0, "sliding_window": 32,
        "sliding_window_pattern": 4, "use_embedding_sharing": True, "use_gated_activation": True,
        "use_parallel_block": True, "use_parallel_embedding": True,
    },
    "AFM-4.5B": _NEW
    | {
        "model_type": "arcee", "attention_bias": False, "head_dim": 16, "hidden_act": "relu2", "mlp_bias": False,
        "rms_norm_eps": 1e-05,
        "rope_scaling": {
            "beta_fast": 32.0, "beta_slow": 1.0, "factor": 20.0, "mscale": 1.0, "original_max_position_embeddings": 64,
            "rope_type": "yarn",
        },
    },
    "pythia-70m": _NEOX | {"use_parallel_residual": True},
    "gpt-neox-20b": _NEOX | {"attention_probs_dropout_prob": 0, "hidden_dropout_prob": 0, "hidden_act": "gelu_fast"},
    "gpt2": _GPT2,
    "Cerebras-GPT-111M": _GPT2 | {"activation_function": "gelu", "n_inner": 256, "scale_attn_weights": True},
    "opt-125m": _OPT,
    "galactica-125m": _OPT | {"activation_function": "gelu", "enable_bias": False},
    "falcon-7b": _FALCON,
    "falcon-40b": _FALCON | {"new_decoder_architecture": True, "num_kv_heads": 2},
    "falcon-rw-1b": _FALCON | {"alibi": True, "bias": True, "multi_query": False, "parallel_attn": False},
    "bloom-560m": _BLOOM,
    "bloomz-7b1": _BLOOM | {"slow_but_exact": False, "hidden_size": 64, "n_head": 4},
}  # fmt: skip

COUNTED: dict[str, tuple[int, dict[str, Any]]] = {
    # The sizes of published ones; the number of parameters is the one the makers give.
    "gpt2": (124_439_808, {"vocab_size": 50257, "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024}),
    "pythia-70m": (
        70_426_624,
        {
            "vocab_size": 50304, "hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8,
            "num_hidden_layers": 6,
        },
    ),
    "opt-125m": (
        125_239_296,
        {
            "vocab_size": 50272, "hidden_size": 768, "word_embed_proj_dim": 768, "ffn_dim": 3072,
            "num_attention_heads": 12, "num_hidden_layers": 12, "max_position_embeddings": 2048,
        },
    ),
    "bloom-560m": (559_214_592, {"vocab_size": 250880, "n_embed": 1024, "num_attention_heads": 16, "n_layer": 24}),
    "falcon-7b": (
        6_921_720_704,
        {"vocab_size": 65024, "hidden_size": 4544, "num_attention_heads": 71, "num_hidden_layers": 32},
    ),
    "phi-2": (
        2_779_683_840,
        {
            "vocab_size": 51200, "hidden_size": 2560, "intermediate_size": 10240, "num_attention_heads": 32,
            "num_hidden_layers": 32, "num_key_value_heads": 32,
        },
    ),
    "starcoder2-3b": (
        3_030_371_328,
        {
            "vocab_size": 49152, "hidden_size": 3072, "intermediate_size": 12288, "num_attention_heads": 24,
            "num_hidden_layers": 30, "num_key_value_heads": 2, "tie_word_embeddings": True,
        },
    ),
    "stablelm-zephyr-3b": (
        2_795_443_200,
        {
            "vocab_size": 50304, "hidden_size": 2560, "intermediate_size": 6912, "num_attention_heads": 32,
            "num_hidden_layers": 32, "num_key_value_heads": 32,
        },
    ),
    "OLMo-1B-hf": (
        1_176_764_416,
        {
            "vocab_size": 50304, "hidden_size": 2048, "intermediate_size": 8192, "num_attention_heads": 16,
            "num_hidden_layers": 16, "num_key_value_heads": 16, "tie_word_embeddings": True,
        },
    ),
    "c4ai-command-r-v01": (
        34_980_831_232,
        {
            "vocab_size": 256000, "hidden_size": 8192, "intermediate_size": 22528, "num_attention_heads": 64,
            "num_hidden_layers": 40, "num_key_value_heads": 64,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTED)
def test_they_have_as_many_parameters_as_published(name: str) -> None:
    parameters, sizes = COUNTED[name]
    assert spec_of(REAL[name] | sizes).parameters == parameters


def spec_of(values: dict[str, Any]) -> Decoder:
    return spec_from_config(json.loads(json.dumps(values)), strict=True)


@pytest.mark.parametrize("name", REAL)
def test_configs_as_published(name: str) -> None:
    assert spec_of(REAL[name]).width == 64


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("gpt2", {"n_embd": 66}, "'n_embd' = 66"),
        ("gpt2", {"n_layer": None}, "'n_layer'"),
        ("gpt2", {"hidden_size": 32}, "'n_embd' = 64.*32, as 'hidden_size' is"),
        ("opt-125m", {"do_layer_norm_before": False}, "do_layer_norm_before"),
        ("opt-125m", {"word_embed_proj_dim": 32}, "word_embed_proj_dim"),
        ("falcon-7b", {"num_ln_in_parallel_attn": 2}, "num_ln_in_parallel_attn"),
        ("bloom-560m", {"apply_residual_connection_post_layernorm": True}, "apply_residual"),
        ("starcoder2-3b", {"norm_type": "rms_norm"}, "norm_type"),
    ],
)
def test_what_is_not_done_is_refused_by_its_name_in_the_file(name: str, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        spec_of(REAL[name] | changes)


def test_slopes_are_those_of_the_paper() -> None:
    (first, *_), six = spec_of(REAL["bloom-560m"]).layers, spec_of(REAL["bloom-560m"] | {"num_attention_heads": 8})
    assert first.mixer.slopes == (2**-2, 2**-4, 2**-6, 2**-8)
    assert six.layers[0].mixer.slopes == tuple(2.0**-i for i in range(1, 9))


_OF_THAT_TIME = {
    "activation_function": "gelu_new", "bos_token_id": 50256, "eos_token_id": 50256, "gradient_checkpointing": False,
    "initializer_range": 0.02, "layer_norm_epsilon": 1e-05, "summary_activation": None, "summary_first_dropout": 0.1,
    "summary_proj_to_labels": True, "summary_type": "cls_index", "summary_use_proj": True, "use_cache": True,
}  # fmt: skip
OLDER = {
    "gpt-neo-125m": (125_198_592, {
        "architectures": ["GPTNeoForCausalLM"], "attention_dropout": 0, "attention_layers": ["global", "local"] * 6,
        "attention_types": [[["global", "local"], 6]], "embed_dropout": 0, "hidden_size": 768,
        "intermediate_size": None, "max_position_embeddings": 2048, "model_type": "gpt_neo", "num_heads": 12,
        "num_layers": 12, "resid_dropout": 0, "vocab_size": 50257, "window_size": 256,
    }),
    "gpt-j-6b": (6_050_882_784, {
        "architectures": ["GPTJForCausalLM"], "attn_pdrop": 0.0, "embd_pdrop": 0.0, "model_type": "gptj",
        "n_embd": 4096, "n_head": 16, "n_inner": None, "n_layer": 28, "n_positions": 2048, "resid_pdrop": 0.0,
        "rotary": True, "rotary_dim": 64, "scale_attn_weights": True, "tie_word_embeddings": False,
        "tokenizer_class": "GPT2Tokenizer", "vocab_size": 50400,
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", OLDER)
def test_older_configs_are_read_and_have_as_many_parameters_as_their_makers_say(name: str) -> None:
    parameters, values = OLDER[name]
    assert spec_from_config(_OF_THAT_TIME | values).parameters == parameters


def test_kinds_of_layers_that_are_said_twice_agree() -> None:
    values = _OF_THAT_TIME | OLDER["gpt-neo-125m"][1]
    alone = spec_from_config({key: each for key, each in values.items() if key != "attention_layers"})
    assert [mixer.window for mixer in alone.attentions] == [None, 256] * 6
    everywhere = {"attention_types": [[["global"], 12]], "attention_layers": ["global"] * 12}
    assert {mixer.window for mixer in spec_from_config(values | everywhere).attentions} == {None}
    with pytest.raises(ConfigError, match="attention_layers"):
        spec_from_config(values | {"attention_layers": ["local"] * 12})


def test_masks_that_first_files_hold_are_no_weights() -> None:
    assert all(is_computed(f"transformer.h.3.attn.{mask}") for mask in ("bias", "masked_bias", "attention.masked_bias"))
    assert not is_computed("transformer.h.3.attn.attention.out_proj.bias")
