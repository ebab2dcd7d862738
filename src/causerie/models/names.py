"""What checkpoints call the weights: tables from canonical names (see `Decoder.weights`) to tensors of the files, or to
expressions over them (checkpoint/expression.py). Knows no shapes but those that a spec has, and opens no files.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from causerie.checkpoint.elementwise import Plus
from causerie.checkpoint.expression import Expression, Rows, Tensor
from causerie.checkpoint.head_rows import Turns, Unpermuted
from causerie.spec.attention import Attention
from causerie.spec.decoder import EMBEDDING, Decoder

_BLOCK = "model.layers.{i}."
_MATRICES = {
    "mixer.q": "self_attn.q_proj",
    "mixer.k": "self_attn.k_proj",
    "mixer.v": "self_attn.v_proj",
    "mixer.o": "self_attn.o_proj",
    "ffn.gate": "mlp.gate_proj",
    "ffn.up": "mlp.up_proj",
    "ffn.down": "mlp.down_proj",
}

LLAMA_WEIGHTS: Mapping[str, str | Expression] = {
    "embed": "model.embed_tokens.weight",
    "layers.{i}.mixer_norm": _BLOCK + "input_layernorm.weight",
    "layers.{i}.ffn_norm": _BLOCK + "post_attention_layernorm.weight",
    **{f"layers.{{i}}.{ours}": f"{_BLOCK}{theirs}.weight" for ours, theirs in _MATRICES.items()},
    **{f"layers.{{i}}.{ours}_bias": f"{_BLOCK}{theirs}.bias" for ours, theirs in _MATRICES.items()},
    "norm": "model.norm.weight",
    "head": "lm_head.weight",
}

SANDWICH: Mapping[str, str] = {
    "layers.{i}.mixer_norm_after": _BLOCK + "post_attention_layernorm.weight",
    "layers.{i}.ffn_norm": _BLOCK + "pre_feedforward_layernorm.weight",
    "layers.{i}.ffn_norm_after": _BLOCK + "post_feedforward_layernorm.weight",
}
"""Of norms before and after each half, as most families call them."""

QK_NORMS: Mapping[str, str] = {
    f"layers.{{i}}.mixer.{name}": f"{_BLOCK}self_attn.{name}.weight" for name in ("q_norm", "k_norm")
}

_INSIDE = {
    "gate": "per_layer_input_gate",
    "projection": "per_layer_projection",
    "norm": "post_per_layer_input_norm",
}
FURTHER_INPUTS: Mapping[str, str] = {
    "layer_inputs.table": "model.embed_tokens_per_layer.weight",
    "layer_inputs.projection": "model.per_layer_model_projection.weight",
    "layer_inputs.norm": "model.per_layer_projection_norm.weight",
    **{f"layers.{{i}}.input.{ours}": f"{_BLOCK}{theirs}.weight" for ours, theirs in _INSIDE.items()},
}
"""Of what layers are given besides, as both families of Gemma that have it call it."""

Table = Mapping[str, str | Expression]
"""Of each canonical weight, `{i}` standing for the number of its layer: the tensor's name, or an expression over
tensors."""

_LAYER_OF = re.compile(r"\.\d+\.")  # its first match in a name of the files is the number of a layer


def modules(outside: Mapping[str, str], block: str, inside: Mapping[str, str]) -> dict[str, str | Expression]:
    """A table of modules that have a weight and perhaps a bias: outside of layers, and inside, where names begin with
    `block` and the layer's number."""
    inner = {f"layers.{{i}}.{ours}": f"{block}{{i}}.{theirs}" for ours, theirs in inside.items()}
    return with_biases({ours: f"{theirs}.weight" for ours, theirs in {**outside, **inner}.items()})


def with_biases(table: Table) -> dict[str, str | Expression]:
    """The same table, with the bias beside each weight."""
    biases = {
        f"{ours}_bias": theirs.removesuffix("weight") + "bias"
        for ours, theirs in table.items()
        if isinstance(theirs, str) and theirs.endswith(".weight")
    }
    return {**table, **biases}


def without_prefix(table: Table, prefix: str) -> dict[str, str | Expression]:
    """The same table for files whose names lack what all others begin with."""
    return {ours: _renamed(theirs, lambda name: name.removeprefix(prefix)) for ours, theirs in table.items()}


def taking_turns(table: Table, fused: str, spec: Decoder) -> dict[str, str | Expression]:
    """The same table where the queries of each key head, its key and its value, and their biases, take turns in one
    tensor. As it is where no layer attends."""
    turns = dict(table)
    mixer = next(spec.attentions, None)
    if mixer is None:
        return turns
    rows = {"q": mixer.group * mixer.head_dim, "k": mixer.head_dim, "v": mixer.head_dim}
    start, step = 0, sum(rows.values())
    for name, count in rows.items():
        for kind, tensor in (("", f"{fused}.weight"), ("_bias", f"{fused}.bias")):
            turns[f"layers.{{i}}.mixer.{name}{kind}"] = Turns(Tensor(tensor), start, start + count, step)
        start += count
    return turns


def centered(table: Table) -> Table:
    """The same table where norms multiply by 1 + w."""
    return {ours: Plus(_expression(theirs)) if _NORM.search(ours) else theirs for ours, theirs in table.items()}


def fused(part: str, tensor: str, rows: Mapping[str, int]) -> Table:
    """Matrices of a layer's part as rows of one tensor, one after the other; `rows` says how many each has."""
    table: dict[str, Expression] = {}
    start = 0
    for name, count in rows.items():
        table[f"layers.{{i}}.{part}.{name}"] = Rows(Tensor(_BLOCK + tensor), start, start + count)
        start += count
    return table


def in_halves(table: Table, mixer: Attention) -> Table:
    """The same table for files whose heads turn in pairs, element i with the one beside it."""
    heads = {"q": mixer.heads, "k": mixer.kv_heads}
    dims = 0 if mixer.rope is None else mixer.rope.dims
    turned = {f"layers.{{i}}.mixer.{name}{kind}": count for name, count in heads.items() for kind in ("", "_bias")}
    return dict(table) | {
        ours: Unpermuted(_expression(table[ours]), count, dims) for ours, count in turned.items() if ours in table
    }


def _expression(said: str | Expression) -> Expression:
    return Tensor(said) if isinstance(said, str) else said


_NORM = re.compile(r"norm(_after)?$")
_LAYER = re.compile(r"^layers\.(\d+)\.")
# What old checkpoints saved although it follows from config.json: frequencies of the rotation, masks of attention,
# constants of an activation.
_COMPUTED = re.compile(
    r"^(?:(?:language_model\.)?model\.(?:language_model\.)?(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq"
    r"|gpt_neox\.layers\.\d+\.attention\.(?:rotary_emb\.inv_freq|bias|masked_bias)"
    r"|model\.layers\.\d+\.mlp\.act_fn\.(?:beta|eps)"
    r"|(?:transformer\.)?h\.\d+\.(?:attn\.(?:attention\.)?(?:bias|masked_bias)|self_attention\.(?:maybe_rotary|rotary_emb)\.inv_freq))$"
)


@dataclass(frozen=True)
class Names:
    """What one checkpoint calls the weights of one model; `others` is what further programs call the same ones."""

    table: Table
    others: tuple[Table, ...] = ()

    def expression(self, name: str) -> Expression:
        """What a canonical weight, say "layers.3.mixer.q", is in the files."""
        layer = _LAYER.match(name)
        if name in self.table:  # of one layer alone, what it is in no other
            return _expression(self.table[name])
        said = self.table[name if layer is None else "layers.{i}." + name[layer.end() :]]
        expression = _expression(said)
        return expression if layer is None else expression.named(lambda tensor: tensor.replace("{i}", layer[1]))

    @property
    def _all(self) -> set[str]:
        """Every tensor of the table, `{i}` standing for the number of a layer."""
        return {tensor for each in map(_expression, self.table.values()) for tensor in each.tensors}

    @property
    def homes(self) -> frozenset[str]:
        """What the names of its tensors begin with: those of layers as far as the word before their number."""
        names = self._all
        layers = {name.partition("{i}")[0].rstrip(".").rpartition(".")[0] + "." for name in names if "{i}" in name}
        outside = {name.partition(".")[0] + "." for name in names if not name.startswith(tuple(layers))}
        return frozenset(layers | outside)

    def behind(self, tensors: Iterable[str], first: int, count: int) -> set[str]:
        """Those tensors that belong to one of `count` layers from number `first` on."""
        before = {name.partition("{i}")[0] for name in self._all if "{i}" in name}
        places = tuple(f"{each}{first + i}." for each in before for i in range(count))
        return {tensor for tensor in tensors if tensor.startswith(places)}

    def within(self, present: Iterable[str]) -> Names:
        """The names as a file with these tensors has them: those of one program, the one most of whose tensors are
        there, and perhaps inside of a larger model (transformers 5, conversion_mapping.py). A tensor may be there as
        several, which begin with its name."""
        ordered = sorted(present)
        (embedding,) = self.expression(EMBEDDING).tensors
        rename = next((each for each in _NESTINGS if _begins_one(each(embedding), ordered)), _NESTINGS[0])
        tables = [
            {ours: _renamed(theirs, rename) for ours, theirs in table.items()} for table in (self.table, *self.others)
        ]
        alike = sorted({_LAYER_OF.sub(".{i}.", name, count=1) for name in ordered})
        best, *others = sorted(tables, key=lambda table: -Names(table)._count(alike))
        return Names(best, tuple(others))

    @property
    def arrangements(self) -> tuple[Names, ...]:
        """These, and what further programs call the same weights."""
        return (self, *map(Names, self.others))

    def _count(self, alike: list[str]) -> int:
        """How many tensors of the table are there, in whichever layer."""
        return sum(_begins_one(name, alike) for name in self._all)


def _renamed(said: str | Expression, rename: Callable[[str], str]) -> str | Expression:
    return rename(said) if isinstance(said, str) else said.named(rename)


def _begins_one(name: str, ordered: list[str]) -> bool:
    """Whether one of the names, which are sorted, begins with this one."""
    at = bisect_left(ordered, name)
    return at < len(ordered) and ordered[at].startswith(name)


def _under_model(name: str) -> str:
    return name.replace("model.", "model.language_model.", 1) if name.startswith("model.") else name


_NESTINGS: tuple[Callable[[str], str], ...] = (
    lambda name: name,
    lambda name: f"language_model.{name}",
    _under_model,
)


def is_computed(tensor: str) -> bool:
    """Whether a tensor of the files holds what we compute ourselves, so that it may be left there."""
    return _COMPUTED.match(tensor) is not None


def is_drafting(tensor: str) -> bool:
    """Whether a tensor of the files belongs to layers, apart from the model's own, that propose tokens ahead."""
    return tensor.startswith(("model.mtp.", "model.mtp_layers.", "mtp."))
