"""Keys of a config.json that its family does not read: refused where any family computes by them, else told at once."""

from __future__ import annotations

import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from causerie.errors import ConfigError, ConfigWarning, UnknownName
from causerie.models.config import Config
from causerie.models.inert import ALWAYS, FACTORS, INERT, NEUTRAL, REFUSED
from causerie.models.registry import families, family, spec_from_config
from causerie.models.unread_keys import arithmetic_keys
from tests.parity.cases import CASES, TINY

LLAMA = TINY | {"model_type": "llama"}

# Keys as they stand in published files, values shortened where they do not matter.
_COMMON: dict[str, Any] = {
    "architectures": ["SomeForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2,
    "hidden_act": "silu", "hidden_size": 64, "initializer_range": 0.02, "intermediate_size": 88,
    "max_position_embeddings": 128, "num_attention_heads": 4, "num_hidden_layers": 3, "num_key_value_heads": 2,
    "rms_norm_eps": 1e-05, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    "transformers_version": "4.42.3", "use_cache": True, "vocab_size": 131,
}  # fmt: skip
_MERGEKIT = {"_name_or_path": "a/b", "_model_name_or_path": "c/d", "mergekit": {"merge_method": "slerp"}}
_QWEN = {"max_window_layers": 28, "rope_theta": 1e6, "sliding_window": 32768, "use_sliding_window": False}
REAL: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        "SmolLM2-135M-Instruct",
        {
            "model_type": "llama", "attention_bias": False, "is_llama_config": True, "mlp_bias": False,
            "pad_token_id": 2, "pretraining_tp": 1, "rope_interleaved": False, "rope_scaling": None,
            "rope_theta": 100000, "tie_word_embeddings": True,
            "transformers.js_config": {"kv_cache_dtype": {"q4f16": "float16"}},
        },
        [],
    ),
    (
        "SmolLM2-1.7B-Instruct, with unk_token_id",
        {"model_type": "llama", "rope_interleaved": False, "is_llama_config": True, "unk_token_id": 0},
        ["unk_token_id"],
    ),
    (
        "Llama-3.1-8B-Instruct",
        {
            "model_type": "llama", "attention_bias": False, "mlp_bias": False, "pretraining_tp": 1,
            "eos_token_id": [128001, 128008, 128009], "rope_theta": 500000.0,
            "rope_scaling": {
                "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64, "rope_type": "llama3",
            },
        },
        [],
    ),
    (
        "vicuna-7b-v1.5",
        {"model_type": "llama", "max_sequence_length": 4096, "pretraining_tp": 1, "temperature": 0.9, "top_p": 0.6},
        [],
    ),
    ("Falcon3-1B-Instruct", {"model_type": "llama", "activation": "swiglu", "head_dim": 256, "mlp_bias": False}, []),
    (
        "a merge of Llamas",
        {"model_type": "llama", **_MERGEKIT, "unsloth_version": "2024.9", "max_seq_len": 8192, "seed": 42},
        ["_model_name_or_path", "mergekit", "max_seq_len", "seed"],
    ),
    (
        "Yarn-Llama-2-7b-64k",
        {
            "model_type": "llama",
            "rope_scaling": {"factor": 16.0, "finetuned": True, "original_max_position_embeddings": 32, "type": "yarn"},
            "auto_map": {"AutoModelForCausalLM": "modeling_llama_yarn.LlamaForCausalLM"},
        },
        ["rope_scaling.finetuned"],
    ),
    ("Mistral-7B-Instruct-v0.3", {"model_type": "mistral", "rope_theta": 1e6, "sliding_window": None}, []),
    (
        "a merge of Mistrals, quantization_config of nothing",
        {"model_type": "mistral", **_MERGEKIT, "sliding_window": 4096, "quantization_config": None, "unk_token_id": 0},
        ["_model_name_or_path", "mergekit", "unk_token_id"],
    ),
    ("Qwen2.5-0.5B-Instruct", {"model_type": "qwen2", **_QWEN}, []),
    ("DeepSeek-R1-Distill-Qwen-1.5B", {"model_type": "qwen2", **_QWEN, "use_mrope": False}, []),
    ("Qwen3-0.6B", {"model_type": "qwen3", **_QWEN, "attention_bias": False, "head_dim": 16}, []),
    (
        "a Llama made of a Qwen",
        {"model_type": "llama", **_QWEN, "attention_bias": True, "layer_types": ["full_attention"] * 3},
        [],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("values", "told"), [row[1:] for row in REAL], ids=[row[0] for row in REAL])
def test_configs_as_published_load_and_strange_keys_are_told_in_one_warning(
    values: dict[str, Any], told: list[str]
) -> None:
    values = json.loads(json.dumps(_COMMON | values))
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        spec_from_config(values)
    assert len(found) == bool(told)
    for warning in found:
        assert warning.category is ConfigWarning and all(repr(key) in str(warning.message) for key in told)
        with pytest.raises(ConfigError, match="--strict") as refused:
            spec_from_config(values, strict=True)
        assert all(repr(key) in str(refused.value) for key in told)


def keys_of(values: dict[str, Any]) -> set[str]:
    """What the family of a config reads of it, asked key by key."""
    known = family(values)
    config = Config(values, family=known.model_type)
    known.build(config)
    return values.keys() - {each.key for each in config.leftovers()}


@pytest.mark.parametrize("name", families())
def test_every_key_that_means_arithmetic_elsewhere_is_refused_and_named_all_at_once(name: str) -> None:
    strange = sorted(arithmetic_keys())
    biting: dict[str, Any] = {key: False if key in ALWAYS else 7.25 for key in strange}
    tiny = next((case.values for case in CASES if case.family == name), TINY)
    plain = json.loads(json.dumps(tiny)) | {"model_type": name}
    read = {key for key in strange if key not in plain and reads(plain, key)}
    biting = {key: value for key, value in biting.items() if key not in read and key not in plain}
    assert len(biting) > 2000
    assert {"clip_qkv", "final_logit_softcapping", "num_shared_experts"} <= biting.keys() | read | plain.keys()
    with pytest.raises(ConfigError) as refused:
        spec_from_config(plain | biting)
    assert [key for key in biting if f"{key!r} = {json.dumps(biting[key])}" not in str(refused.value)] == []


def reads(plain: dict[str, Any], key: str) -> bool:
    """Whether the family of a config reads a key: it takes it from what is left over, or refuses its value."""
    try:
        return key in keys_of(plain | {key: 7.25})
    except ConfigError:
        return True


def test_all_faults_of_a_file_are_told_at_once() -> None:
    strange = {"clip_qkv": 8.0, "rope_interleaved": True, "kernels": "a/b", "mergekit": {}, "use_mrope": True, "x": 1}
    with pytest.raises(ConfigError) as refused:
        spec_from_config(LLAMA | strange, strict=True)
    assert [str(refused.value).count(f"{key!r} = {json.dumps(value)}") for key, value in strange.items()] == [1] * 6
    assert "no code that comes with a checkpoint" in str(refused.value) and "strict=False" not in str(refused.value)
    wrong, _, also = str(refused.value).partition("It also has keys that no known family computes by: ")
    assert "'clip_qkv' =" in wrong and "'x' = 1" in also and "'clip_qkv'" not in also
    with pytest.raises(ConfigError) as refused:
        spec_from_config(LLAMA | strange)
    assert "'clip_qkv' =" in str(refused.value) and "'x' = 1" not in str(refused.value)


@pytest.mark.parametrize(
    "harmless",
    [
        {
            "clip_qkv": None,
            "num_local_experts": 0,
            "final_logit_softcapping": 0.0,
            "alibi": False,
            "no_rope_layers": [],
        },
        {"use_sliding_window": False, "sliding_window": 4096, "max_window_layers": 28},
        {"layer_types": ["full_attention"] * 3, "is_causal": True, "scale_attn_weights": True},
        dict.fromkeys(FACTORS - {"partial_rotary_factor"}, 1.0) | {"logit_scale": 1, "partial_rotary_factor": 1.0},
        {"quantization_config": {}, "kernels": None, "auto_map": {"AutoModel": "x.X"}, "trust_remote_code": True},
    ],
    ids=lambda values: ", ".join(sorted(values)[:2]),
)
def test_values_that_switch_the_arithmetic_off_are_passed_over(harmless: dict[str, Any]) -> None:
    assert spec_from_config(LLAMA | harmless, strict=True) == spec_from_config(LLAMA)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("is_causal", {"is_causal": False}),
        ("scale_attn_weights", {"scale_attn_weights": False}),
        ("sliding_window", {"use_sliding_window": True, "sliding_window": 4096}),
        ("sliding_window", {"sliding_window": 4096}),
        ("layer_types", {"layer_types": ["full_attention", "sliding_attention", "full_attention"]}),
        ("residual_multiplier", {"residual_multiplier": 0.22}),
        ("attention_multiplier", {"attention_multiplier": 1.0}),
        ("no_rope_layer_interval", {"no_rope_layer_interval": 4}),
        ("rope_parameters.sliding_attention", {"rope_parameters": {"sliding_attention": {"rope_theta": 1e6}}}),
    ],
    ids=str,
)
def test_values_that_bite_are_refused_without_strict(key: str, values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"'{key}'"):
        spec_from_config(LLAMA | values)


def test_a_family_that_is_missing_is_named_whatever_code_comes_along() -> None:
    values = LLAMA | {"model_type": "qwen9", "auto_map": {"AutoModelForCausalLM": "modeling_x.X"}}
    with pytest.raises(UnknownName, match=r"'qwen9'\. Known, nearest first: qwen\d.*not built in yet.*transformers"):
        spec_from_config(values)


def test_the_list_is_what_transformers_reads(project: Path) -> None:
    first = (project / "src/causerie/models/arithmetic_keys.txt").read_text(encoding="utf-8").splitlines()[0]
    if version("transformers") not in first:
        pytest.skip(f"transformers {version('transformers')} is installed; {first}")
    script = project / "scripts" / "generate_config_keys.py"
    made = run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr


def test_the_lists_do_not_contradict_each_other() -> None:
    assert not arithmetic_keys() & (INERT | REFUSED.keys())
    assert arithmetic_keys() >= (FACTORS | ALWAYS) and not INERT & NEUTRAL.keys()
    assert {"output_attentions", "use_cache", "pad_token_id", "initializer_range", "dropout"}.isdisjoint(
        arithmetic_keys()
    )
