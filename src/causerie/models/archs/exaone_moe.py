"""EXAONE with experts: normed heads, three sliding layers to a full one on which positions turn nothing, and in all but
the first layers many experts, which a bias of their own helps to choose, beside a layer that all tokens use."""

from __future__ import annotations

from dataclasses import replace

from causerie.models.archs import glm4_moe as glm
from causerie.models.archs import qwen3
from causerie.models.archs.llama import llama_like
from causerie.models.config import Config
from causerie.models.draft_names import apart
from causerie.models.expert_layers import in_layers
from causerie.models.expert_names import both_arrangements
from causerie.models.layer_kinds import FULL, SLIDING, layer_kinds, sparse_layers, with_kinds
from causerie.models.names import Table
from causerie.models.registry import architecture
from causerie.spec.decoder import Decoder
from causerie.spec.draft_head import DraftHead

_MLP = "model.layers.{i}.mlp"
_SHARED = {
    f"layers.{{i}}.ffn.shared.{name}": f"{_MLP}.shared_experts.{name}_proj.weight" for name in ("gate", "up", "down")
}
_NAMES = {"n_routed_experts": "num_experts", "n_shared_experts": "num_shared_experts"}
DEFAULTS = {  # of the family in the field, for keys that a config leaves out
    "vocab_size": 102400,
    "hidden_size": 4096,
    "intermediate_size": 16384,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5,
    "n_routed_experts": 64,
    "moe_intermediate_size": 1024,
    "routed_scaling_factor": 2.5,
}


def weights(spec: Decoder) -> tuple[Table, ...]:
    """Each expert's matrices alone, as files have them; or all in one tensor, as transformers holds them, which calls a
    bias otherwise."""
    router = {**qwen3.WEIGHTS, **_SHARED, "layers.{i}.ffn.router": f"{_MLP}.gate.weight"}
    alone, stacked = both_arrangements(spec, router, _MLP)
    bias, head = "layers.{i}.ffn.choice_bias", apart(spec, qwen3.WEIGHTS)
    return (
        {**alone, **head, bias: f"{_MLP}.e_score_correction_bias"},
        {**stacked, **head, bias: f"{_MLP}.gate.e_score_correction_bias"},
    )


@architecture("exaone_moe", weights=weights)
def exaone_moe(c: Config) -> Decoder:
    """K-EXAONE 236B-A23B."""
    c.rename(_NAMES)
    c.assume(DEFAULTS)
    c.expect("sliding_window_pattern", 0, 4, "LLLG")  # beside layer_types, or what is meant without it
    spec = llama_like(c, kv_heads=32)
    spec = spec.each_attention(qk_norm=spec.norm)
    count = len(spec.layers)
    window = c.optional_integer("sliding_window", 4096)
    kinds = layer_kinds(c, [SLIDING if window is not None and (i + 1) % 4 else FULL for i in range(count)])
    spec = replace(spec, draft_head=_draft_head(c, spec, window))
    if window is not None:
        spec = with_kinds(spec, kinds, {SLIDING: {"window": window}, FULL: {"rope": None}})
    dense = c.integer("first_k_dense_replace", 1, least=0)
    return in_layers(spec, glm.sigmoid_experts(c, spec.layers[0].ffn.act), sparse_layers(c, count, dense))


def _draft_head(c: Config, spec: Decoder, window: int | None) -> DraftHead | None:
    """The head to guess with: a block without experts, of one of the kinds that layers are; none where the config does
    not say of which. `window` is that of sliding layers, where there are some."""
    count, kinds = c.integer("num_nextn_predict_layers", 0, least=0), c.words("mtp_layer_types") or []
    windows = c.integers("mtp_sliding_windows", least=1) or []
    if not count or not kinds:
        return None
    if kinds[0] not in (FULL, SLIDING):
        raise c.wrong("mtp_layer_types", kinds, f"a list of words, each {FULL!r} or {SLIDING!r}")
    block = spec.layers[0]
    if kinds[0] == SLIDING:
        own = windows[0] if windows else window
        return DraftHead(block.with_attention(window=own, keeps_all=own is not None), spec.norm)
    return DraftHead(block if window is None else block.with_attention(rope=None), spec.norm)
