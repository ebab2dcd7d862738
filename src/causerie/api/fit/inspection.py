"""What a model would take, said from its config.json and the headers of its files: no weight is read.

Knows how loading would hold the weights, and no backend (which may pad or pack what is counted here).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from causerie.api.drafting.head_file import HeadFile
from causerie.api.fit.surveyed_checkpoint import surveyed
from causerie.api.options.load_options import LoadOptions
from causerie.decoding.drafting.lookup import PromptLookup
from causerie.decoding.drafting.other_chats import OtherChats
from causerie.engine.assistant.head_drafter import HeadDrafter
from causerie.engine.assistant.shadow import ShadowDrafter
from causerie.errors import CauserieError, Unsupported
from causerie.loading.load import Survey
from causerie.loading.shadow import shadow_of
from causerie.plan.footprint import CacheCost, cache_cost, cache_format
from causerie.spec.decoder import Decoder
from causerie.spec.latent import LatentAttention
from causerie.spec.weight import Role


@dataclass(frozen=True)
class WeightGroup:
    """The weights of one kind that are held in one format."""

    kind: str  # one of _KINDS, below
    format: str
    parameters: int
    nbytes: int

    @property
    def bits_per_weight(self) -> float:
        """Scales included."""
        return 8 * self.nbytes / self.parameters


@dataclass(frozen=True)
class Inspection:
    """A model before it is loaded."""

    name: str
    folder: Path | None
    spec: Decoder
    dtype: str  # of what is not quantized
    parts: tuple[WeightGroup, ...]
    read_bytes: int  # of the weights, for each token of an answer
    stored_bytes: int | None  # of the weights in the files; None where these are not on this machine
    cache_dtype: str
    drafters: Mapping[str, int]  # who could guess for it, by name, and the bytes of weights that this takes beside it

    @property
    def nbytes(self) -> int:
        """Of all weights as they would be held."""
        return sum(part.nbytes for part in self.parts)

    @property
    def cache(self) -> CacheCost:
        """What is kept of the texts that it reads."""
        return cache_cost(self.spec, self.cache_dtype)

    @property
    def page_layers(self) -> tuple[int, ...]:
        """How many layers each page group of the cache has."""
        return tuple(len(group.layers) for group in self.spec.page_groups)

    @property
    def latent_layers(self) -> tuple[int, ...]:
        """And how many of them keep latents, of which they make keys and values."""
        mixers = [[self.spec.blocks[layer].mixer for layer in group.layers] for group in self.spec.page_groups]
        return tuple(sum(isinstance(mixer, LatentAttention) for mixer in group) for group in mixers)

    @property
    def bits_per_weight(self) -> float:
        """Of all weights together."""
        return 8 * self.nbytes / sum(part.parameters for part in self.parts)


def inspect(name: str, options: LoadOptions | None = None) -> Inspection:
    """A folder, "builtin" or hub id. Of a hub's model that was never downloaded config.json and the headers of its
    weights are fetched. Raises what from_pretrained raises before it reads weights."""
    how = options or LoadOptions()
    model = surveyed(name, how, draft_head=how.holds_head and how.backend != "torch")
    weights = model.weights
    return Inspection(
        name,
        model.folder,
        weights.spec,
        weights.plain,
        parts_of(weights),
        weights.read_bytes,
        model.stored_bytes if model.here else None,
        how.cache_dtype or cache_format(weights.plain),
        drafters_with(weights, model.folder),
    )


def drafters_with(weights: Survey, place: Path | None) -> dict[str, int]:
    """Who could guess for the model of that folder or file on the native backend without another one."""
    drafters = {PromptLookup.name: 0, OtherChats.name: 0}
    if weights.spec.draft_head is not None:
        drafters[HeadDrafter.name] = 0  # its weights are counted with the model's
    elif (nbytes := _head_beside(place, weights.spec)) is not None:
        drafters[HeadDrafter.name] = nbytes
    try:
        shadow = shadow_of(weights.spec, weights.sources, weights.formats)
    except Unsupported:
        return drafters
    return drafters | {ShadowDrafter.name: shadow.nbytes}


def _head_beside(place: Path | None, spec: Decoder) -> int | None:
    """Bytes of the weights of the head in a file beside the model's; None where there is none that fits."""
    head = None if place is None else HeadFile.beside(place)
    try:
        return None if head is None else head.nbytes(spec)
    except CauserieError:  # why, is said when the model is loaded
        return None


def parts_of(weights: Survey) -> tuple[WeightGroup, ...]:
    """The weights by kind and format, in the order of the model."""
    sums: dict[tuple[str, str], list[int]] = {}
    drafting = {weight.name for weight in weights.spec.draft_weights()}
    for source in weights.sources:
        kind = _DRAFT if source.weight.name in drafting else _kind(source.weight.role, weights.spec.tied)
        key = kind, weights.formats[source.weight.name]
        parameters, nbytes = sums.setdefault(key, [0, 0])
        sums[key] = [parameters + source.weight.parameters, nbytes + weights.held_bytes(source)]
    return tuple(WeightGroup(kind, format, *numbers) for (kind, format), numbers in _ordered(sums.items()))


_KINDS = (
    "embedding",
    "embedding and head",
    "layer inputs",
    "attention",
    "convolution",
    "recurrence",
    "feed-forward",
    "router",
    "positions",
    "head",
    "norms and biases",
    "draft head",
)
_DRAFT = "draft head"  # all weights of the head to guess with, whatever they are to it
_SMALL = "norms and biases"
_WITHIN = {"vector": _SMALL, "choice": _SMALL, "exact": _SMALL, "rate": "recurrence"}
"""Kinds that are told as a part of another one."""


def _ordered(items: Iterable[tuple[tuple[str, str], list[int]]]) -> list[tuple[tuple[str, str], list[int]]]:
    return sorted(items, key=lambda item: (_KINDS.index(item[0][0]), item[0][1]))


def _kind(role: Role, tied: bool) -> str:
    if role == "embedding" and tied:
        return "embedding and head"
    return _WITHIN.get(role, role)
