"""Tiny checkpoints that ship a head to guess tokens with, and transformers' own use of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from transformers.cache_utils import MtpCache
from transformers.modeling_layers import MtpModel

from causerie.backends.step import BlockTables, Step
from causerie.models.config import read_config
from causerie.models.model import Model
from tests.parity.cases import CASES
from tests.parity.cases.experts import EXAONE_EXPERTS
from tests.parity.harness import reference, save_case

BLOCKS = (5, 2, 7)
FURTHER = 3  # guesses, each of which a head makes of its own last one
_HYBRID = {"layer_types": ["linear_attention", "linear_attention", "linear_attention", "full_attention"]}
_HYBRID_EXPERTS = {"layer_types": ["linear_attention", "full_attention"]}
_OWN, _BEHIND = {"mtp_num_hidden_layers": 1}, {"num_nextn_predict_layers": 1}
_APART = {
    "enorm": "mtp.pre_fc_norm_embedding",
    "hnorm": "mtp.pre_fc_norm_hidden",
    "eh_proj": "mtp.fc",
    "post_norm": "mtp.norm",
    "mtp_block.": "mtp.layers.0.",
}


_IN_PARTS = {
    **{name: f"mtp.layers.0.{name}" for name in ("enorm", "hnorm", "eh_proj")},
    "post_norm": "mtp.layers.1.final_layernorm",
    "mtp_block.": "mtp.layers.",
}
_FINAL = {
    **{name: f"model.layers.3.{name}" for name in ("enorm", "hnorm", "eh_proj")},
    "post_norm": "model.layers.3.final_layernorm",
    "mtp_block.mlp.e_score_correction_bias": "model.layers.3.mlp.expert_bias",
    "mtp_block.mlp.gate.": "model.layers.3.mlp.router.gate.",
    "mtp_block.mlp.shared_experts.": "model.layers.3.mlp.shared_mlp.",
    "mtp_block.": "model.layers.3.",
}
_STATE_FIRST = {
    "enorm": "model.mtp_layers.0.token_layernorm",
    "hnorm": "model.mtp_layers.0.hidden_layernorm",
    "eh_proj": "model.mtp_layers.0.input_proj",
    "post_norm": "model.mtp_layers.0.final_layernorm",
    "mtp_block.": "model.mtp_layers.0.",
}
_LISTED = {
    **{name: f"model.mtp.layers.0.{name}" for name in ("enorm", "hnorm", "eh_proj")},
    "post_norm": "model.mtp.layers.0.final_layernorm",
    "mtp_block.post_attention_layernorm": "model.mtp.layers.0.pre_mlp_layernorm",
    "mtp_block.self_attn.sinks": "model.mtp.layers.0.self_attn.attention_sink_bias",
    "mtp_block.": "model.mtp.layers.0.",
}


def _appended(layers: int) -> dict[str, str]:
    place = f"model.layers.{layers}."
    own = {name: place + name for name in ("enorm", "hnorm", "eh_proj")}
    return {**own, "post_norm": f"{place}shared_head.norm", "mtp_block.": place}


@dataclass(frozen=True)
class HeadCase:
    """A case of tests/parity/cases with a head."""

    case: str
    changes: dict[str, Any]
    key: dict[str, Any]  # of config.json, that says there is one
    names: dict[str, str] | None = None  # under which files hold it, where it is not as a further layer
    kinds: tuple[str, str] = ("full_attention", "sparse")  # of both halves of its block
    alone: bool = True  # each expert's matrices, or all in one tensor
    count: int = 1
    state_first: bool = False  # the matrix has the columns of what the model made of the text before the token's
    renamed: str | None = None  # the family, where transformers has the model by another name


HEADS = {
    "qwen3_5_text": HeadCase("qwen3.5", _HYBRID, _OWN, _APART),
    "qwen3_5_moe_text": HeadCase("qwen3.5 with experts", _HYBRID_EXPERTS, _OWN, _APART, alone=False),
    "qwen3_next": HeadCase("qwen3-next", _HYBRID_EXPERTS, {}, _APART),
    "glm4_moe": HeadCase("glm4 with experts", {}, _BEHIND),
    "glm4_moe_lite": HeadCase("glm4 with latents", {}, _BEHIND),
    "deepseek_v3": HeadCase("deepseek v3", {}, _BEHIND),
    "hy_v3": HeadCase("hy3", {}, _BEHIND, _FINAL),
    "exaone_moe": HeadCase(
        "exaone with experts",
        {},
        _BEHIND | {"mtp_layer_types": ["full_attention"]},
        _APART,
        ("full_attention", "dense"),
    ),
    "exaone_moe, sliding": HeadCase(
        "exaone with experts",
        {},
        _BEHIND | {"mtp_layer_types": ["sliding_attention"], "mtp_sliding_windows": [EXAONE_EXPERTS["sliding_window"]]},
        _APART,
        ("sliding_attention", "dense"),
    ),
    "nemotron_h": HeadCase("nemotron-h", {}, _BEHIND, _IN_PARTS),
    "nemotron_h, latent": HeadCase("nemotron-h, latent experts in groups, biases", {}, _BEHIND, _IN_PARTS),
    "mimo": HeadCase(
        "qwen2",
        {},
        _BEHIND,
        _STATE_FIRST,
        ("full_attention", "dense"),
        state_first=True,
        renamed="mimo",
    ),
    "mimo_v2_flash": HeadCase("mimo", {}, {}, _LISTED, ("sliding_attention", "dense")),
    "mimo_v2_flash, three": HeadCase("mimo", {}, {}, _LISTED, ("sliding_attention", "dense"), count=3),
}


class TwoParts(torch.nn.Module):
    """A head of which each half is a layer, as Nemotron-H's makers describe it, of transformers' own layers: it reads
    what it made of the text before once more for each token, without a cache."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        config = model.config
        layer = type(model.model.layers[-1])
        norm = type(model.model.norm_f)
        kinds = {layer.block_type: i for i, layer in enumerate(model.model.layers)}
        inside = [layer(config, kinds[kind]) for kind in ("full_attention", "moe")]
        made = torch.nn.Module()
        made.enorm, made.hnorm, made.post_norm = (norm(config.hidden_size, config.layer_norm_epsilon) for _ in range(3))
        made.eh_proj = torch.nn.Linear(2 * config.hidden_size, config.hidden_size, bias=False)
        made.mtp_block = torch.nn.ModuleList(inside)
        self.layers = torch.nn.ModuleList([made])
        self._model = [model]  # none of its own

    def cache(self) -> list[torch.Tensor]:
        """What the block reads of the positions so far."""
        return []

    def forward_layer(
        self, layer: int, states: torch.Tensor, at: torch.Tensor, cache: list[torch.Tensor], input_ids: torch.Tensor
    ) -> torch.Tensor:
        """As transformers' class has it; positions turn nothing."""
        made, (model,) = self.layers[layer], self._model
        tokens = made.enorm(model.get_input_embeddings()(input_ids))
        cache.append(made.eh_proj(torch.cat((tokens, made.hnorm(states)), dim=-1)))
        x = torch.cat(cache, dim=1)
        mask = torch.full((x.shape[1],) * 2, -torch.inf).triu(1)[None, None]
        for half in made.mtp_block:
            x = half(x, attention_mask=mask)
        return made.post_norm(x[:, -input_ids.shape[1] :])

    def _project_to_logits(self, states: torch.Tensor) -> torch.Tensor:
        return self._model[0].lm_head(states)


@dataclass(frozen=True)
class Judge:
    """transformers' model and its head."""

    model: Any
    head: Any

    def logits(self, tokens: Sequence[int], further: int = 0) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """Of what follows each token but the first, by the head; and of so many likeliest further ones, one after the
        other, which it makes of its own states."""
        ids = torch.tensor([list(tokens)])
        cache = self.head.cache() if isinstance(self.head, TwoParts) else MtpCache(config=self.head.config)
        with torch.inference_mode():
            states = self.model(ids, output_hidden_states=True).hidden_states[-1][:, :-1]
            at = torch.arange(1, len(tokens))[None]
            states = self.head.forward_layer(0, states, at, cache, input_ids=ids[:, 1:])
            logits = self.head._project_to_logits(states)
            each = [logits[0, -1]]
            for i in range(further):
                token, place = each[-1].argmax()[None, None], torch.tensor([[len(tokens) + i]])
                states = self.head.forward_layer(0, states[:, -1:], place, cache, input_ids=token)
                each.append(self.head._project_to_logits(states)[0, -1])
        return logits[0].numpy(), [row.numpy() for row in each[1:]]

    def logits_of(self, number: int, tokens: Sequence[int]) -> NDArray[np.float32]:
        """By one of several heads, of what follows each token but the first ones: each head reads what the model made
        of a token, with the one that stands so far behind it as it guesses."""
        ids, cache = torch.tensor([list(tokens)]), MtpCache(config=self.head.config)
        with torch.inference_mode():
            states = self.model(ids, output_hidden_states=True).hidden_states[-1][:, : -1 - number]
            at = torch.arange(1 + number, len(tokens))[None]
            states = self.head.forward_layer(number, states, at, cache, input_ids=ids[:, 1 + number :])
            return self.head._project_to_logits(states)[0].numpy()


def save_with_head(family: str, folder: Path, changes: Mapping[str, Any] | None = None) -> Judge:
    """Writes a checkpoint of a family with a head of random weights, perhaps with `changes` to its config."""
    made = HEADS[family]
    case = next(case for case in CASES if case.name == made.case)
    save_case(replace(case, changes=case.changes | made.changes | dict(changes or {})), folder)
    (folder / "config.json").write_text(json.dumps(read_config(folder) | made.key))
    model = reference(folder)
    if made.names is _IN_PARTS:
        return _saved(TwoParts(model).eval(), model, made.names, made.alone, folder)
    model.config.num_mtp_layers = made.count
    model.config.mtp_layer_types, model.config.mtp_mlp_layer_types = ([kind] * made.count for kind in made.kinds)
    names = made.names or _appended(len(model.model.layers))
    judge = _saved(MtpModel(model, made.count).eval(), model, names, made.alone, folder)
    if made.state_first:
        _swap_halves(folder / "model.safetensors", names["eh_proj"])
    if made.renamed is not None:
        (folder / "config.json").write_text(json.dumps(read_config(folder) | {"model_type": made.renamed}))
    return judge


def _swap_halves(path: Path, matrix: str) -> None:
    tensors = load_file(path)
    both = tensors[f"{matrix}.weight"]
    save_file({**tensors, f"{matrix}.weight": torch.cat(both.chunk(2, dim=1)[::-1], dim=1)}, path, {"format": "pt"})


def _saved(head: Any, model: Any, names: dict[str, str], alone: bool, folder: Path) -> Judge:
    """The head with random weights, which are written beside those of the model."""
    torch.manual_seed(7)
    with torch.no_grad():
        for name, weight in (*head.layers.named_parameters(), *head.layers.named_buffers()):
            if "norm" in name:
                weight.uniform_(0.4, 1.6)
            else:
                weight.normal_(std=0.3 if weight.ndim == 1 else weight.shape[-1] ** -0.5)
    own = {
        _named(ours, names).replace("mtp.layers.0.", f"mtp.layers.{number}.", 1 if number else 0): each.clone()
        for number, layer in enumerate(head.layers)
        for name, tensor in layer.state_dict().items()
        for ours, each in (_apart(name, tensor) if alone else {name: tensor}).items()
    }
    path = folder / "model.safetensors"
    save_file({**load_file(path), **own}, path, {"format": "pt"})
    return Judge(model, head)


def _apart(name: str, tensor: torch.Tensor) -> dict[str, torch.Tensor]:
    """Each expert's matrices alone, as most files have them."""
    if ".experts." not in name or tensor.ndim != 3:
        return {name: tensor}
    parts = {name: tensor}
    if "gate_up_proj" in name:
        halves = tensor.chunk(2, dim=1)
        parts = {name.replace("gate_up", half): part for half, part in zip(("gate", "up"), halves, strict=True)}
    return {
        part.replace(".experts.", f".experts.{e}.") + ".weight": each
        for part, stack in parts.items()
        for e, each in enumerate(stack)
    }


def step(tokens: Sequence[int], first: int, groups: int, blocks: Sequence[int], slots: int, rows: int) -> Step:
    """Of one sequence; logits and states of its last `rows`."""
    count = len(tokens)
    wanted = np.arange(count - rows, count, dtype=np.int32)
    tables = BlockTables(np.array(blocks, np.int32), np.array([0, len(blocks)], np.int32), np.zeros((0, 2), np.int32))
    positions = np.arange(first, first + count, dtype=np.int32)
    pairs = np.array([(-1, 3)] if slots else [], np.int32).reshape(-1, 2)
    starts = np.array([0, count], np.int32)
    return Step(np.array(tokens, np.int32), positions, starts, (tables,) * groups, pairs, wanted, positions + 1, wanted)


def head_logits(model: Model, tokens: Sequence[int]) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """As Judge.logits, by the model's own taps; the head reads in two pieces."""
    head, logits = model.draft_head, []
    assert head is not None and head.cache.slots == 0 and len(head.cache.groups) == 1
    states = _states(model, tokens)
    for first, end in ((0, 13), (13, len(tokens) - 1)):
        own = step(tokens[first + 1 : end + 1], first, 1, BLOCKS, 0, end - first)
        output = head.run(replace(own, features=states[first:end]))
        logits.append(output.logits)
    further = []
    for i in range(FURTHER):
        token = int((further or [logits[-1][-1]])[-1].argmax())
        output = head.run(replace(step([token], len(tokens) - 1 + i, 1, BLOCKS, 0, 1), features=output.states[-1:]))
        further.append(output.logits[0])
    return np.concatenate(logits), further


def logits_of_head(model: Model, tokens: Sequence[int], number: int) -> NDArray[np.float32]:
    """As Judge.logits_of."""
    head, count = [model.draft_head, *model.further_heads][number], len(tokens) - 1 - number
    assert head is not None
    own = step(tokens[1 + number :], 0, 1, BLOCKS, 0, count)
    return head.run(replace(own, features=_states(model, tokens)[:count])).logits


def _states(model: Model, tokens: Sequence[int]) -> NDArray[np.float32]:
    """What the model makes of each token but the last."""
    last = len(model.spec.layers)
    model.tap((last,))
    plain = step(tokens[:-1], 0, len(model.cache.groups), BLOCKS, model.cache.slots, 0)
    taps = model.run(replace(plain, tapped=True)).taps
    assert taps is not None
    return taps[:, model.taps.index(last)]


def _named(name: str, names: dict[str, str]) -> str:
    return next(theirs + name.removeprefix(ours) for ours, theirs in names.items() if name.startswith(ours))
