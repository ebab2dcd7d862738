"""Tiny checkpoints of which a GGUF file can say everything, as llama.cpp's converter writes it. Data, and how they are
saved."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from causerie.models.config import read_config
from tests.parity.cases import CASES
from tests.parity.cases.case import LLAMA3
from tests.parity.cases.experts import LAGUNA_SLOWED, slowed
from tests.parity.checkpoints import WHOLE_OF
from tests.parity.draft_heads import save_with_head
from tests.parity.harness import save_case
from tests.parity.wholes import whole_of

_HEAD = "head of "
_BY_NAME = {case.name: case for case in CASES}


@dataclass(frozen=True)
class GgufCase:
    """A case of tests/parity/cases with some keys changed; or the checkpoint of a family that has no case, or one that
    ships a head to guess tokens with."""

    name: str
    case: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    first_files: Mapping[str, Any] = field(default_factory=dict)  # written into config.json, which transformers reads

    @property
    def with_head(self) -> bool:
        """Whether it ships a head to guess tokens with."""
        return self.case.startswith(_HEAD)


def save_gguf_case(case: GgufCase, folder: Path) -> Path:
    """Writes the checkpoint."""
    if case.with_head:
        save_with_head(case.case.removeprefix(_HEAD), folder, case.changes)
    elif case.case in _BY_NAME:
        known = _BY_NAME[case.case]
        save_case(replace(known, changes=known.changes | dict(case.changes)), folder)
    else:
        pictures = WHOLE_OF[case.case]
        whole_of(replace(pictures, text=pictures.text | dict(case.changes))).save_pretrained(folder)
    if case.first_files:
        values = read_config(folder)
        values.get("text_config", values).update(case.first_files)
        (folder / "config.json").write_text(json.dumps(values))
    return folder


_SIX_OF_SEVEN = ["sliding_attention"] * 5 + ["full_attention", "sliding_attention"]
_DEFAULT = {"rope_type": "default", "rope_theta": 2500.0}
_YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 32}
_OF_LATENTS = {"rope_parameters": _YARN | {"beta_fast": 4.0, "beta_slow": 0.5, "mscale": 0.6, "mscale_all_dim": 0.6}}
_ONE_AS_KEYS = {"rope_parameters": _YARN | {"mscale": 1.0, "mscale_all_dim": 1.0}}
_TWO_THETAS = {
    "full_attention": {"rope_type": "default", "rope_theta": 2500.0, "partial_rotary_factor": 0.334},
    "sliding_attention": {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.334},
}
_MIMO = {"routed_scaling_factor": 1.0, "rope_parameters": _TWO_THETAS}
_MIMO_SAYS = {
    "hybrid_layer_pattern": [0, 1, 1, 0],
    "layernorm_epsilon": 1e-5,
    "partial_rotary_factor": 0.334,
    "rope_parameters": None,
    "rope_theta": 2500.0,
    "scoring_func": "sigmoid",
    "sliding_window": 6,
    "sliding_window_size": 6,
    "swa_head_dim": 24,
    "swa_num_attention_heads": 4,
    "swa_num_key_value_heads": 2,
    "swa_rope_theta": 500.0,
    "swa_v_head_dim": 20,
    "topk_method": "noaux_tc",
}
_STEP_SAYS = {
    "attention_other_setting": {
        "attention_type": "sliding_attention",
        "num_attention_groups": 2,
        "num_attention_heads": 6,
    },
    "moe_layers_enum": "2,3,4",
    "moe_num_experts": 7,
    "moe_router_activation": "sigmoid",
    "moe_top_k": 3,
    "norm_expert_weight": True,
    "num_attention_groups": 2,
    "partial_rotary_factors": [0.5, 1.0, 1.0, 0.5, 1.0],
    "rope_parameters": None,
    "rope_scaling": {"rope_type": "llama3", **LLAMA3},
    "rope_theta": [2500.0, 500.0, 500.0, 2500.0, 500.0],
}
_PLAIN = {
    "full_attention": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5},
    "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 1.0},
}
_ONES = {
    "attention_in_multiplier": 1.0,
    "attention_out_multiplier": 1.0,
    "embedding_multiplier": 1.0,
    "key_multiplier": 1.0,
    "lm_head_multiplier": 1.0,
    "mlp_multipliers": [1.0, 1.0],
    "ssm_in_multiplier": 1.0,
    "ssm_multipliers": [1.0] * 5,
    "ssm_out_multiplier": 1.0,
}
_HYBRID = {"layer_types": ["mamba", "attention", "mamba", "attention"]}
_AS_CONVERTED = math.sqrt(1 + math.log(128 / 24) / math.log(24))
_ENDLESS = {"max_position_embeddings": 2**20}
_NOT_DENSE = ["linear_attention", "moe", "full_attention", "moe", "linear_attention"]
_KEYS_APART = {"num_nextn_predict_layers": 0}

_TRINITY = {
    "num_hidden_layers": 5,
    "layer_types": ["sliding_attention"] * 3 + ["full_attention", "sliding_attention"],
}
_HUNYUAN_SAYS = {"moe_topk": [2] * 3, "moe_intermediate_size": [40] * 3, "num_shared_expert": [1] * 3}
_SCOUT = {
    "attn_temperature_tuning": True,
    "floor_scale": 8192,
    "attn_scale": 0.1,
    "attention_chunk_size": 8192,
    "num_hidden_layers": 4,
    "layer_types": ["chunked_attention"] * 3 + ["full_attention"],
    "no_rope_layers": [1, 1, 1, 0],
}

GGUF_CASES = [
    GgufCase("apertus", "apertus"),
    GgufCase("afmoe", "trinity", _TRINITY),
    GgufCase("arcee", "arcee"),
    GgufCase("bloom", "bloom", {}, {"seq_length": 128}),
    GgufCase(
        "chatglm",
        "glm, without biases, all of a head turns",
        {"head_dim": 16, "attention_bias": True, "max_position_embeddings": 64},
    ),
    GgufCase("cohere2", "cohere2", {"tie_word_embeddings": True}, {"rotary_pct": 1.0}),
    GgufCase("command-r", "cohere, normed heads, biases, tied"),
    GgufCase("dbrx", "dbrx"),
    GgufCase("deepseek-v2", "deepseek v2, experts in groups, queries of a vector, biases, yarn", _OF_LATENTS),
    GgufCase("deepseek-v2-lite", "deepseek v2"),
    GgufCase("deepseek-v3", "deepseek v3", {}, _KEYS_APART),
    GgufCase(
        "deepseek-v3-yarn", "deepseek v3, queries of the input, biases, yarn, one group", _ONE_AS_KEYS, _KEYS_APART
    ),
    GgufCase("ernie4_5", "ernie4_5, biases"),
    GgufCase("ernie4_5-moe", "ernie with experts", {"moe_norm_min": 1e-12}),
    GgufCase("exaone4", "exaone4"),
    GgufCase("exaone4-full", "exaone4, no window"),
    GgufCase("exaone-moe", "exaone with experts"),
    GgufCase("falcon", "falcon, new", {}, {"max_position_embeddings": 2048}),
    GgufCase("falcon-h1", "falcon-h1, a norm behind the gate", _ONES | {"head_dim": 16}, {"head_dim": 16}),
    GgufCase("gemma", "gemma"),
    GgufCase("gemma2", "gemma2"),
    GgufCase(
        "gemma3",
        "gemma3",
        {
            "num_hidden_layers": 7,
            "layer_types": _SIX_OF_SEVEN,
            "rope_parameters": {
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
                "sliding_attention": _DEFAULT,
            },
        },
    ),
    GgufCase(
        "gemma3n",
        "gemma3n, biases, untied, no keys are shared, four streams",
        {"tie_word_embeddings": True, "vocab_size_per_layer_input": 131},
    ),
    GgufCase("gemma4", "gemma4"),
    GgufCase("gemma4-biases", "gemma4, biases, untied, half of each head turns"),
    GgufCase("gemma4-experts", "gemma4 with experts"),
    GgufCase("glm4", "glm4, tied, a quarter turns"),
    GgufCase("glm4moe", "glm4 with experts in groups, norms of heads, biases", {}, _KEYS_APART),
    GgufCase("glm4moe-lite", "glm4 with latents", {}, _KEYS_APART | {"first_k_dense_replace": 1}),
    GgufCase("glm4moe-head", "head of glm4_moe"),
    GgufCase("glm4moe-lite-head", "head of glm4_moe_lite", {}, {"first_k_dense_replace": 1}),
    GgufCase("gpt-oss", "gpt-oss", {"swiglu_limit": 7.0, "swiglu_alpha": 1.702}),
    GgufCase(
        "gpt-oss-yarn",
        "gpt-oss, slowed down, tied, other kinds of layers",
        {
            "swiglu_limit": 7.0,
            "swiglu_alpha": 1.702,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
        },
    ),
    GgufCase("gpt2", "gpt2", {}, {"n_ctx": 128}),
    GgufCase("gptneox", "gpt_neox", {}, {"rotary_pct": 0.25}),
    GgufCase(
        "gptneox-serial",
        "gpt_neox, one half after the other, tied, no biases",
        {"hidden_act": "gelu", "rotary_emb_base": 10000},
        {"rotary_pct": 0.5},
    ),
    GgufCase("granite", "granite, tied, biases"),
    GgufCase("granitehybrid", "granite hybrid", _ENDLESS, _HYBRID),
    GgufCase(
        "granitehybrid-dense",
        "granite hybrid, dense, positions",
        _ENDLESS,
        _HYBRID | {"position_embedding_type": "nope"},
    ),
    GgufCase("granitemoe", "granite with experts"),
    GgufCase("hunyuan-dense", "hunyuan, plain rope, biases, tied"),
    GgufCase("hy_v3", "hy3"),
    GgufCase("hy_v3-head", "head of hy_v3"),
    GgufCase(
        "laguna",
        "laguna",
        {
            "layer_types": ["full_attention", "sliding_attention", "sliding_attention"],
            "rope_parameters": LAGUNA_SLOWED,
        },
    ),
    GgufCase("lfm2", "lfm2"),
    GgufCase("lfm2moe", "lfm2 with experts", {"routed_scaling_factor": 1.0}, {"norm_eps": 1e-5}),
    GgufCase("dots1", "dots", {"sliding_window": None, "layer_types": None, "n_group": 1, "topk_group": 1}),
    GgufCase("falcon-mamba", "falcon-mamba", {"mixer_rms_eps": 1e-6}),
    GgufCase("glm4moe-solar", "solar", {"rope_parameters": _DEFAULT | {"partial_rotary_factor": 1.0}}),
    GgufCase("granitemoe-shared", "granite, shared experts"),
    GgufCase("granitehybrid-bamba", "bamba", {}, {"attn_rotary_emb": 8}),
    GgufCase("granitehybrid-bamba-biases", "bamba, biases", {"mamba_proj_bias": False}),
    GgufCase("hunyuan-moe", "hunyuan with experts", {}, _HUNYUAN_SAYS),
    GgufCase("mellum", "mellum", {"mlp_layer_types": None}),
    GgufCase("llama", "llama, own head_dim"),
    GgufCase("llama-biases", "llama, biases"),
    GgufCase("llama-linear", "llama, linear rope"),
    GgufCase("llama-llama3", "llama, llama3 rope"),
    GgufCase("llama-tied", "llama, tied head"),
    GgufCase(
        "llama-yarn",
        "llama, yarn with betas",
        {"rope_parameters": _YARN | {"beta_fast": 4.0, "beta_slow": 0.5, "attention_factor": 1.7}},
    ),
    GgufCase("llama4", "llama4", _SCOUT),
    GgufCase("mamba", "mamba, biases, three taps, another rank"),
    GgufCase("mamba2", "mamba2"),
    GgufCase("mamba2-biases", "mamba2, biases, three taps, one group, tied"),
    GgufCase("mimo2", "mimo", _MIMO, _MIMO_SAYS),
    GgufCase(
        "mimo2-biases",
        "mimo, wider values, biases, experts in groups, kinds of layers",
        _MIMO | {"norm_topk_prob": True},
        _MIMO_SAYS | {"hybrid_layer_pattern": [0, 1, 0, 1], "swa_num_key_value_heads": 4, "swa_v_head_dim": 32},
    ),
    GgufCase("mimo2-head", "head of mimo_v2_flash, three", _MIMO, _MIMO_SAYS),
    GgufCase("minicpm3", "minicpm3", {"scale_emb": 12, "scale_depth": 1.4, "dim_model_base": 256}),
    GgufCase("minimax-m2", "minimax, rotary_dim, tied"),
    GgufCase("mistral3", "ministral3", {"sliding_window": None}),
    GgufCase("mixtral", "mixtral, three of five uneven experts"),
    GgufCase("muse-glimmer", "muse_glimmer_text", {"layer_rope_theta": [0.0, 1e4, 1e4, 0.0]}),
    GgufCase("nemotron", "nemotron, biases, whole heads turn", {"head_dim": 16}),
    GgufCase("nemotron-part", "nemotron"),
    GgufCase("nemotron_h_moe", "nemotron-h", _ENDLESS | {"layers_block_type": _NOT_DENSE}),
    GgufCase("nemotron_h_moe-head", "head of nemotron_h", _ENDLESS | {"layers_block_type": _NOT_DENSE}),
    GgufCase(
        "nemotron_h_moe-latent",
        "nemotron-h, latent experts in groups, biases",
        _ENDLESS | {"layers_block_type": ["moe", "full_attention", "linear_attention", "moe"]},
    ),
    GgufCase("olmo", "olmo, cut off, biases", {"attention_bias": False}),
    GgufCase("olmo2", "olmo2, biases, uneven heads"),
    GgufCase("olmo3", "olmo3"),
    GgufCase("olmoe", "olmo with experts"),
    GgufCase("phi2", "phi", {"num_key_value_heads": 4, "intermediate_size": 256}),
    GgufCase("phi3", "phi3, window and uneven heads"),
    GgufCase("phi3-longrope", "phi3, long texts"),
    GgufCase(
        "phimoe",
        "phimoe, long texts",
        slowed(_AS_CONVERTED, _AS_CONVERTED)
        | {"router_jitter_noise": 0.01, "lm_head_bias": True, "attention_bias": True},
        {"architectures": ["PhiMoEForCausalLM"]},
    ),
    GgufCase("qwen2", "qwen2"),
    GgufCase("qwen2moe", "qwen2 with experts"),
    GgufCase("qwen2vl", "qwen2_vl_text"),
    GgufCase("qwen3", "qwen3, biases, own head_dim"),
    GgufCase("qwen35", "qwen3.5"),
    GgufCase("qwen35-alike", "qwen3.5, every second layer attends, tied, five taps, a quarter turns"),
    GgufCase("qwen35-whole", "qwen3.5", {"linear_value_head_dim": 32}),  # of whole blocks
    GgufCase("qwen35-head", "head of qwen3_5_text"),
    GgufCase("qwen35moe", "qwen3.5 with experts"),
    GgufCase("qwen35moe-head", "head of qwen3_5_moe_text"),
    GgufCase("qwen3moe", "qwen3 with experts"),
    GgufCase("qwen3next", "qwen3-next"),
    GgufCase("qwen3next-head", "head of qwen3_next"),
    GgufCase("qwen3vl", "qwen3_vl_text"),
    GgufCase("seed_oss", "seed_oss, other biases"),
    GgufCase("smollm3", "smollm3"),
    GgufCase("stablelm", "stablelm"),
    GgufCase("stablelm-parallel", "stablelm, one norm for both halves, biases"),
    GgufCase("starcoder2", "starcoder2", {"sliding_window": 4096}),
    GgufCase("step35", "step3p5", {"query_pre_attn_scalar": 24}, _STEP_SAYS),
    GgufCase(
        "step35-plain",
        "step3p5",
        {"query_pre_attn_scalar": 24, "swiglu_limits": None, "swiglu_limits_shared": None, "rope_parameters": _PLAIN},
        _STEP_SAYS | {"rope_scaling": None, "rope_theta": [10000.0] * 5},
    ),
    GgufCase("youtu", "youtu"),
    GgufCase("youtu-yarn", "youtu, queries of the input, biases, yarn", _OF_LATENTS),
]
