"""EAGLE3 checkpoints: which they are, and their config.json as the spec of a head for a decoder.

There are two ways to write one: a Llama's config with some keys more (SafeAILab, SpecForge, ModelOpt), and one of
`speculators`, in which that of the layer is an object. Knows no weights but by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from typing import Any, Literal

from causerie.checkpoint.expression import Columns, Expression, Tensor
from causerie.errors import Unsupported, UsageError
from causerie.models.config import Config
from causerie.models.names import Names, Table
from causerie.models.registry import family, spec_from_config
from causerie.spec.decoder import Decoder
from causerie.spec.eagle3 import Eagle3, PairedLayer

OFFSETS = "d2t"
"""The tensor with what is added to the number of a token among those that a head guesses, for that in its decoder."""
BESIDE = (OFFSETS, "t2d")
"""Tensors that are no numbers of layers; the second says which tokens have a place among those, as the first does."""

_NESTED = "transformer_layer_config"
_FAMILIES = ("llama", "qwen2", "qwen3")  # that heads have layers of
_OWN = (
    "aux_hidden_state_layer_ids",
    "draft_vocab_size",
    "eagle_aux_hidden_state_layer_ids",
    "eagle_config",
    "fc_norm",
    "norm_before_fc",
    "norm_before_residual",
    "norm_output",
    "num_aux_hidden_states",
    "parallel_drafting",
    "target_hidden_size",
    "target_model_type",
    "truncated_vocab_size",
)
_SAID_BESIDE = (  # who made it for whom, and how its program would use it
    "architectures",
    "base_model",
    "embed_requires_grad",
    "has_no_defaults_at_init",
    "speculators_config",
    "speculators_model_type",
    "speculators_version",
    "target_model_type",
    "tie_word_embeddings",
)

HeadKind = Literal["EAGLE3", "EAGLE"]


def head_kind(values: Mapping[str, Any], tensors: Collection[str] = ()) -> HeadKind | None:
    """Which kind of guessing head a config, or a checkpoint with these tensors, is of; None for whole models. Heads of
    EAGLE and EAGLE-2 are alike."""
    named = values.get("architectures")
    names = [values.get("speculators_model_type"), *(named if isinstance(named, list) else ())]
    said = [name.lower() for name in names if isinstance(name, str) and "eagle" in name.lower()]
    threes = {"d2t", "midlayer.hidden_norm.weight", "layers.0.hidden_norm.weight"}
    if any("eagle3" in name for name in said) or threes & set(tensors):
        return "EAGLE3"
    return "EAGLE" if said or {"fc.weight", "layers.0.self_attn.q_proj.weight"} <= set(tensors) else None


def refuse_head(values: Mapping[str, Any], tensors: Collection[str] = ()) -> None:
    """Raises UsageError, or Unsupported, for a checkpoint that is no whole model but a head that guesses for one."""
    kind = head_kind(values, tensors)
    if kind == "EAGLE3":
        raise UsageError(
            "The checkpoint is an EAGLE3 head, which guesses for another model and cannot answer. Load the model that "
            "it was made for, and pass this one as assistant_model (--draft)."
        )
    if kind == "EAGLE":
        raise Unsupported(
            "The checkpoint is a head of EAGLE or EAGLE-2, which guesses for another model; only EAGLE3 heads can be "
            "used here. Choose one of those (their names mostly say eagle3)."
        )


def eagle3_head(values: Mapping[str, Any], target: Decoder, tensors: Mapping[str, tuple[int, ...]]) -> Eagle3:
    """The head of a config, for `target`; `tensors` are the shapes of those of its file. Raises ConfigError for what
    cannot be computed, UsageError for a head of another model, Unsupported for a kind of layer that no head has."""
    nested = _NESTED in values
    own = Config(values if nested else _part(values, inside=True), family="eagle3")
    part = own.part(_NESTED) if nested else None
    layer = dict(values[_NESTED]) if part is not None else _part(values, inside=False)
    if part is not None:
        part.leave(*layer)  # the family of the layer judges them
    own.leave(*_SAID_BESIDE)
    whole = _whole(layer, target.context)
    normed = own.boolean("norm_before_fc", False)
    residual = own.boolean("norm_before_residual", nested)
    guessed = own.integer("draft_vocab_size", own.integer("truncated_vocab_size", whole.vocab))
    width = own.optional_integer("target_hidden_size", None)
    taps = _taps(own, len(target.layers))
    for key in ("fc_norm", "norm_output", "parallel_drafting"):
        own.expect(key, False)
    own.expect("num_aux_hidden_states", 3)
    own.finish(strict=False)
    if width is None and len(shape := tensors.get("fc.weight", ())) == 2:
        width = shape[1] // len(taps)
    _check_target(target, whole, taps, target.width if width is None else width, guessed, tensors)
    first, *others = whole.layers
    paired = PairedLayer(**{each.name: getattr(first, each.name) for each in fields(first)}, residual_normed=residual)
    spec = replace(whole, family="eagle3", tied=False, layers=(paired, *others), context=target.context)
    return Eagle3(
        **{each.name: getattr(spec, each.name) for each in fields(spec)},
        guessed=guessed,
        taps=taps,
        tapped_width=target.width,
        taps_normed=normed,
        own_embedding=_EMBEDDING in tensors,
    )


def eagle3_names(values: Mapping[str, Any], spec: Eagle3) -> Names:
    """What the files of a head call its weights."""
    layer = values.get(_NESTED, values)
    table = family({"model_type": "llama", **layer}).names(spec).table
    return Names(_table(table, spec, "layers.{i}."), (_table(table, spec, "midlayer."),))


_EMBEDDING = "embed_tokens.weight"
_BLOCK = "model.layers.{i}."


def _table(whole: Table, spec: Eagle3, block: str) -> Table:
    """The names of a family's weights, as they are in files of heads, where the first layer's begin with `block`."""
    table: dict[str, str | Expression] = {}
    for ours, theirs in whole.items():
        assert isinstance(theirs, str)  # in all of _FAMILIES
        table[ours] = theirs.replace(_BLOCK, block).removeprefix("model.")
    for name in "qkv":
        both = Tensor(f"{block}self_attn.{name}_proj.weight")
        table[f"layers.{{i}}.mixer.{name}_token"] = Columns(both, 0, spec.width)
        table[f"layers.{{i}}.mixer.{name}_state"] = Columns(both, spec.width, 2 * spec.width)
        table[f"layers.{{i}}.mixer.{name}_state_bias"] = f"{block}self_attn.{name}_proj.bias"
    table["layers.{i}.token_norm"] = f"{block}input_layernorm.weight"
    table["layers.{i}.state_norm"] = f"{block}hidden_norm.weight"
    return table | {"fusion": "fc.weight", "fusion_norm": "input_norm.weight"}


def _whole(layer: Mapping[str, Any], context: int) -> Decoder:
    """The decoder that the config of the layer would be of, alone; of so many positions, where it does not say."""
    layer = {"model_type": "llama", "tie_word_embeddings": False, "max_position_embeddings": context, **layer}
    if layer["model_type"] not in _FAMILIES:
        raise Unsupported(
            f"The EAGLE3 head has layers of the family {layer['model_type']!r}, and can be computed where they are of "
            f"{' or '.join(_FAMILIES)}. Use another head that was made for this model."
        )
    return spec_from_config(layer)


def _part(values: Mapping[str, Any], *, inside: bool) -> dict[str, Any]:
    """Of a config that is a Llama's with some keys more, these, or all others."""
    return {key: value for key, value in values.items() if (key in _OWN) == inside}


def _taps(own: Config, layers: int) -> tuple[int, ...]:
    """How many layers of the decoder have made each row that a head reads. Lists inside of `eagle_config` have the
    numbers of those layers, counted from 0; others count the embedding as the first."""
    inner = own.part("eagle_config")
    said = own.integers("eagle_aux_hidden_state_layer_ids") or own.integers("aux_hidden_state_layer_ids")
    if inner is not None:
        for key in ("use_aux_hidden_state", "use_input_layernorm_in_first_layer", "use_last_layernorm"):
            inner.expect(key, True)
        inner.expect("use_mtp_layernorm", False)
        inner.expect("parallel_draft_step", 1)
        inner.leave("next_layer_regular", "parallel_draft_heads_num_layers")
        numbers = inner.integers("eagle_aux_hidden_state_layer_ids")
        said = said or [number + 1 for number in numbers or ()]
    return tuple(said or (2, layers // 2, layers - 3))


def _check_target(
    target: Decoder,
    head: Decoder,
    taps: tuple[int, ...],
    width: int,
    guessed: int,
    tensors: Mapping[str, tuple[int, ...]],
) -> None:
    """Raises UsageError with all that shows that a head was made for another model."""
    count = len(target.layers)
    faults = []
    if width != target.width:
        faults.append(f"it reads rows of {width} numbers, and the model's have {target.width}")
    if head.vocab != target.vocab:
        faults.append(f"it knows {head.vocab} tokens, and the model {target.vocab}")
    if not all(0 <= tap <= count for tap in taps):
        faults.append(f"it reads what layers {', '.join(map(str, taps))} are given, and the model has {count} layers")
    if _EMBEDDING not in tensors and head.width != target.width:
        faults.append(f"it has no embedding, and the model's has rows of {target.width} numbers, not {head.width}")
    if OFFSETS not in tensors and guessed != target.vocab:
        faults.append(f"it guesses {guessed} of {target.vocab} tokens and has no tensor {OFFSETS!r} to say which")
    if faults:
        raise UsageError(
            f"The EAGLE3 head does not fit this model: {'; '.join(faults)}. Use the head that was made for this very "
            "model."
        )
