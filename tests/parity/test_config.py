"""A config is read completely or refused with its key named: wrong values, forgotten keys, arithmetic of others."""

from __future__ import annotations

import json
import math
import warnings
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoConfig

from causerie.errors import CauserieError, ConfigError, MissingFile, UnknownName
from causerie.models.config import MOST_BYTES, read_config
from causerie.models.registry import families, spec_from_config
from causerie.spec.attention import Attention
from causerie.spec.delta import DeltaRule
from causerie.spec.mamba import Mamba
from causerie.spec.mamba2 import Mamba2
from causerie.spec.short_conv import ShortConv
from tests.parity.cases import CASES, TINY, Case

LLAMA = TINY | {"model_type": "llama"}
SIZES = [
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "max_position_embeddings",
]
WRONG = [0, -1, 2**31, 2**62, 10**400, 1.5, "8", None, math.nan, math.inf, True, [8], {}]


@pytest.mark.parametrize("value", WRONG, ids=lambda value: str(value)[:8])
@pytest.mark.parametrize("key", SIZES)
def test_sizes_out_of_bounds_are_named(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=key):
        spec_from_config(LLAMA | {key: value})


@pytest.mark.parametrize("value", [value for value in WRONG if value is not None], ids=lambda value: str(value)[:8])
@pytest.mark.parametrize("key", ["num_key_value_heads", "head_dim"])
def test_optional_sizes_out_of_bounds_are_named(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match="num_attention_heads" if value == 2**31 else key):
        spec_from_config(LLAMA | {key: value} if value != 2**31 else LLAMA | {"num_attention_heads": value})


def test_a_billion_layers_are_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="num_hidden_layers"):
        spec_from_config(LLAMA | {"num_hidden_layers": 10**9})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"clip_qkv": 8.0}, "llama.*clip_qkv.*8.0"),
        ({"sliding_window": 4096}, "sliding_window.*4096"),
        ({"num_attention_heads": 6}, "'hidden_size' = 64.*6"),
        ({"num_key_value_heads": 3}, "'num_attention_heads' = 4.*3"),
        ({"head_dim": 15}, "'head_dim' = 15.*even"),
        ({"hidden_act": "mish"}, "mish.*silu"),
        ({"rms_norm_eps": -1e-5}, "'rms_norm_eps' ="),
        ({"rms_norm_eps": "1e-5"}, "'rms_norm_eps' ="),
        ({"attention_bias": 1}, "'attention_bias' = 1.*true or false"),
        ({"tie_word_embeddings": "false"}, "'tie_word_embeddings' ="),
        ({"rope_theta": 0}, "'rope_theta' ="),
        ({"rope_theta": math.inf}, "'rope_theta' ="),
        ({"rope_theta": 10**400}, "'rope_theta' ="),
        ({"rope_theta": 1e300}, "'rope_theta' ="),
        ({"rope_scaling": {"type": "linear", "factor": 0.5}}, r"'rope_scaling\.factor' ="),
        ({"rope_interleaved": True}, "rope_interleaved"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor.*0.5"),
        ({"rope_scaling": {"type": "ntk", "factor": 2.0}}, "ntk.*yarn"),
        ({"rope_scaling": {"type": "linear"}}, r"rope_scaling\.factor"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0, "mrope_section": [1]}}, r"rope_scaling\.mrope_section"),
        (
            {"rope_scaling": {"type": "linear", "rope_type": "yarn", "factor": 2.0}},
            r"'rope_scaling\.rope_type' =.*linear",
        ),
        (
            {"rope_scaling": {"rope_type": "llama3", "factor": 2.0, "low_freq_factor": 4, "high_freq_factor": 3}},
            r"'rope_scaling\.high_freq_factor' =",
        ),
        ({"rope_scaling": [2.0]}, "'rope_scaling' =.*object"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}, "rope_parameters": {"rope_type": "default"}}, "both"),
        ({"rope_theta": 1e4, "rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}}, "twice"),
        ({"rope_parameters": {"full_attention": {"rope_type": "default"}}}, "full_attention"),
        ({"original_max_position_embeddings": 64}, "original_max_position_embeddings"),
        ({"is_encoder_decoder": True}, "is_encoder_decoder"),
        ({"attn_implementation": "someone/kernel"}, "someone/kernel"),
        ({"_attn_implementation_internal": "someone/kernel"}, "internal.*code"),
        (
            {"quantization_config": {"quant_method": "gptq"}},
            "quantization_config.*use the float16 or bfloat16 checkpoint",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_refusals_name_the_key(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        spec_from_config(LLAMA | changes)


def test_a_key_that_is_needed_is_null_or_not_there() -> None:
    with pytest.raises(ConfigError, match=r"'intermediate_size' and config\.json sets it to null"):
        spec_from_config(LLAMA | {"intermediate_size": None})
    with pytest.raises(ConfigError, match=r"'intermediate_size' and config\.json lacks it"):
        spec_from_config({key: value for key, value in LLAMA.items() if key != "intermediate_size"})


@pytest.mark.parametrize(
    ("family", "changes", "named"),
    [
        ("qwen2", {"layer_types": ["full_attention"]}, "layer_types.*3 words"),
        ("qwen2", {"layer_types": ["full_attention", "linear_attention", "full_attention"]}, "layer_types"),
        ("qwen2", {"layer_types": ["sliding_attention"] * 3}, "no window"),
        ("qwen3", {"use_sliding_window": "yes"}, "'use_sliding_window' ="),
        ("mistral", {"sliding_window": 0}, "'sliding_window' ="),
    ],
)
def test_window_rules_are_checked(family: str, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        spec_from_config(TINY | {"model_type": family} | changes)


@pytest.mark.parametrize("name", ["lama", "../llama", "llama.extra", "__init__", ""])
def test_unknown_families_list_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownName, match=r"Known, nearest first: (\w+, ){11}\w+ and \d+ more"):
        spec_from_config(LLAMA | {"model_type": name})


def test_a_config_without_a_family() -> None:
    with pytest.raises(ConfigError, match="model_type"):
        spec_from_config(TINY)


@given(
    st.dictionaries(
        st.sampled_from([*LLAMA, "head_dim", "rope_scaling", "new_key"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
            max_leaves=6,
        ),
        max_size=4,
    )
)
def test_any_json_is_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            spec = spec_from_config(LLAMA | changes)
    except CauserieError:
        return
    assert spec.parameters > 0


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 100_000, '"x"', "\xff"], ids=range(6))
def test_files_that_are_not_configs(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"config\.json"):
        read_config(tmp_path)


def test_a_file_too_large_for_a_config_is_told_by_its_size(tmp_path: Path) -> None:
    with (tmp_path / "config.json").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ConfigError, match=rf"config\.json has {MOST_BYTES + 1} bytes, more than the {MOST_BYTES} "):
        read_config(tmp_path)


def test_a_folder_without_a_config(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"config\.json"):
        read_config(tmp_path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_transformers_writes_is_read(case: Case, tmp_path: Path) -> None:
    config = AutoConfig.for_model(case.family, **case.values)
    config.save_pretrained(tmp_path)
    spec = spec_from_config(read_config(tmp_path))
    assert (spec.family, spec.width, spec.vocab) == (case.family, config.hidden_size, config.vocab_size)
    first = config.per_layer_config[0] if "per_layer_config" in config.to_dict() else config
    for attention in islice(spec.attentions, 1):
        kv_heads = getattr(first, "num_key_value_heads", attention.kv_heads)  # old families do not know of them
        assert (attention.heads, attention.kv_heads) == (config.num_attention_heads, kv_heads)
    own = getattr(config, "attention_layers", None)  # GPT-Neo's
    kinds = own or getattr(config, "layer_types", None) or ["sliding_attention"] * len(spec.layers)
    reach = {
        "sliding_attention": "sliding_window",
        "chunked_attention": "attention_chunk_size",
        "local": "window_size",
    }
    for layer, kind in zip(spec.layers, kinds, strict=True):
        assert isinstance(layer.mixer, ShortConv) == (kind == "conv")
        assert isinstance(layer.mixer, DeltaRule | Mamba | Mamba2) == (kind == "linear_attention")
        if isinstance(layer.mixer, Attention):
            assert layer.mixer.window == getattr(config, reach.get(kind, ""), None)
    assert spec.tied is config.tie_word_embeddings


OWN_NAMES = {
    "opt": {"intermediate_size": "ffn_dim"},
    "falcon": {"intermediate_size": "ffn_hidden_size", "num_key_value_heads": "num_kv_heads"},
}
LAYER_NORMED = ("starcoder2", "stablelm", "phi", "nemotron", "olmo", "cohere", "cohere2", "gpt_neox", "gpt2", "bloom")


@pytest.mark.parametrize("family", ["llama", "mistral", "qwen2", "qwen3", "arcee", *LAYER_NORMED, *OWN_NAMES])
def test_absent_keys_mean_what_transformers_means(family: str) -> None:
    # Sizes must be given; everything else may be left to the family.
    sizes = {key: TINY[key] for key in (*SIZES, "num_key_value_heads")} | {"num_attention_heads": 4}
    sizes = {OWN_NAMES.get(family, {}).get(key, key): value for key, value in sizes.items()}
    config = AutoConfig.for_model(family, **sizes).to_dict()
    written = {key: value for key, value in config.items() if value is not None or key == "sliding_window"}
    assert spec_from_config(sizes | {"model_type": family}) == spec_from_config(written | {"model_type": family})


PUBLISHED: list[tuple[str, int, dict[str, Any]]] = [
    # As published, reduced to what is not in every config; the number of parameters is the one the makers give.
    (
        "SmolLM2-135M-Instruct",
        134_515_008,
        {
            "architectures": ["LlamaForCausalLM"], "attention_bias": False, "attention_dropout": 0.0,
            "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 576,
            "initializer_range": 0.041666666666666664, "intermediate_size": 1536, "is_llama_config": True,
            "max_position_embeddings": 8192, "mlp_bias": False, "model_type": "llama", "num_attention_heads": 9,
            "num_hidden_layers": 30, "num_key_value_heads": 3, "pad_token_id": 2, "pretraining_tp": 1,
            "rms_norm_eps": 1e-05, "rope_interleaved": False, "rope_scaling": None, "rope_theta": 100000,
            "tie_word_embeddings": True, "torch_dtype": "bfloat16", "use_cache": True, "vocab_size": 49152,
            "transformers.js_config": {"kv_cache_dtype": {"q4f16": "float16"}},
        },
    ),
    (
        "TinyLlama-1.1B-Chat-v1.0",
        1_100_048_384,
        {
            "attention_bias": False, "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 2048,
            "initializer_range": 0.02, "intermediate_size": 5632, "max_position_embeddings": 2048,
            "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 22, "num_key_value_heads": 4,
            "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 10000.0,
            "tie_word_embeddings": False, "torch_dtype": "bfloat16", "use_cache": True, "vocab_size": 32000,
        },
    ),
    (
        "Llama-3.2-1B-Instruct",
        1_235_814_400,
        {
            "bos_token_id": 128000, "eos_token_id": [128001, 128008, 128009], "head_dim": 64, "hidden_act": "silu",
            "hidden_size": 2048, "intermediate_size": 8192, "max_position_embeddings": 131072, "mlp_bias": False,
            "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 16, "num_key_value_heads": 8,
            "rms_norm_eps": 1e-05, "rope_theta": 500000.0, "tie_word_embeddings": True, "vocab_size": 128256,
            "rope_scaling": {
                "factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                "original_max_position_embeddings": 8192, "rope_type": "llama3",
            },
        },
    ),
    (
        "Mistral-7B-Instruct-v0.1",
        7_241_732_096,
        {
            "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 4096,
            "intermediate_size": 14336, "max_position_embeddings": 32768, "model_type": "mistral",
            "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-05,
            "rope_theta": 10000.0, "sliding_window": 4096, "tie_word_embeddings": False, "vocab_size": 32000,
        },
    ),
    (
        "Mixtral-8x7B-Instruct-v0.1",
        46_702_792_704,
        {
            "architectures": ["MixtralForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2,
            "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 14336,
            "max_position_embeddings": 32768, "model_type": "mixtral", "num_attention_heads": 32,
            "num_experts_per_tok": 2, "num_hidden_layers": 32, "num_key_value_heads": 8, "num_local_experts": 8,
            "output_router_logits": False, "rms_norm_eps": 1e-05, "rope_theta": 1000000.0,
            "router_aux_loss_coef": 0.02, "sliding_window": None, "tie_word_embeddings": False,
            "torch_dtype": "bfloat16", "use_cache": True, "vocab_size": 32000,
        },
    ),
    (
        "Qwen2.5-0.5B-Instruct",
        494_032_768,
        {
            "attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151645, "hidden_act": "silu",
            "hidden_size": 896, "intermediate_size": 4864, "max_position_embeddings": 32768, "max_window_layers": 21,
            "model_type": "qwen2", "num_attention_heads": 14, "num_hidden_layers": 24, "num_key_value_heads": 2,
            "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "sliding_window": 32768, "tie_word_embeddings": True,
            "use_sliding_window": False, "vocab_size": 151936,
        },
    ),
    (
        "Qwen3-0.6B",
        596_049_920,
        {
            "attention_bias": False, "head_dim": 128, "hidden_act": "silu", "hidden_size": 1024,
            "intermediate_size": 3072, "max_position_embeddings": 40960, "max_window_layers": 28,
            "model_type": "qwen3", "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 8,
            "rms_norm_eps": 1e-06, "rope_scaling": None, "rope_theta": 1000000, "sliding_window": None,
            "tie_word_embeddings": True, "use_sliding_window": False, "vocab_size": 151936,
        },
    ),
    (
        "LFM2-1.2B",
        1_170_340_608,
        {
            "block_auto_adjust_ff_dim": True, "block_dim": 2048, "block_ff_dim": 12288,
            "block_ffn_dim_multiplier": 1.0, "block_mlp_init_scale": 1.0, "block_multiple_of": 256,
            "block_norm_eps": 1e-05, "block_out_init_scale": 1.0, "block_use_swiglu": True,
            "block_use_xavier_init": True, "conv_L_cache": 3, "conv_bias": False, "conv_dim": 2048,
            "conv_dim_out": 2048, "conv_use_xavier_init": True, "full_attn_idxs": [2, 5, 8, 10, 12, 14],
            "hidden_size": 2048, "initializer_range": 0.02, "max_position_embeddings": 128000, "model_type": "lfm2",
            "norm_eps": 1e-05, "num_attention_heads": 32, "num_heads": 32, "num_hidden_layers": 16,
            "num_key_value_heads": 8, "pad_token_id": 0, "rope_theta": 1000000.0, "torch_dtype": "bfloat16",
            "use_cache": True, "use_pos_enc": True, "vocab_size": 65536,
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "parameters", "values"), PUBLISHED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_published_configs_are_read(name: str, parameters: int, values: dict[str, Any]) -> None:
    spec = spec_from_config(json.loads(json.dumps(values)))
    assert spec.parameters == parameters
    assert all(mixer.window == values.get("sliding_window") for mixer in spec.attentions) or spec.family == "qwen2"


def test_the_four_families_are_there() -> None:
    assert {"llama", "mistral", "qwen2", "qwen3"} <= set(families())
