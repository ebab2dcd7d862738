"""A model's shadow: its own weights in fewer bits, which guess what the model will say. What it holds of its own is
placed beside the model's; norms, tables that are read by rows and what is in few bits already are the model's.

Knows no drafting: loading hands the shadow out as a second model over the same cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from causerie.backends.ops import Backend, CacheShape, Executable, SharingBuilder
from causerie.errors import Unsupported
from causerie.loading.read_share import read_shares
from causerie.loading.sources import PlainSource, Source, Transfer
from causerie.models.decoder import forward
from causerie.models.model import Model
from causerie.quant.config import QuantConfig
from causerie.quant.encoders import encoder_named
from causerie.quant.weight import Weight
from causerie.spec.decoder import EMBEDDING, HEAD, Decoder

SHADOW_FORMAT = "int4"
"""Of what a shadow holds of its own: it agrees with full precision on nine tokens of ten, and reads least."""
SHADOW_TOKENS = 64  # in one of its steps, which has one for each request
_WORTH = 0.75  # of the bytes that are read for a token, the most that a shadow may read to be worth its memory


@dataclass(frozen=True)
class Shadow:
    """What a shadow will hold, before anything is read."""

    spec: Decoder  # with a head of its own, where the model's is the embedding
    sources: tuple[PlainSource, ...]  # by the shadow's names, of what it holds of its own
    nbytes: int  # of these, in the reference layout
    read_bytes: int  # of all its weights, by each token that it guesses

    @property
    def formats(self) -> dict[str, str]:
        """Of what it holds of its own."""
        return {source.weight.name: SHADOW_FORMAT for source in self.sources}


def shadow_of(spec: Decoder, sources: Sequence[Source], formats: Mapping[str, str]) -> Shadow:
    """The shadow of a model whose weights come from `sources` and are held in `formats`. Raises Unsupported where it
    has none, with the reason."""
    spec = replace(spec, draft_head=None)
    if spec.slot_layers:
        raise Unsupported(
            f"A shadow writes its guesses into the model's cache, and {len(spec.slot_layers)} layers of this "
            f"{spec.family} model keep a state there that cannot be taken back. Use speculation='lookup'."
        )
    untied = replace(spec, tied=False)
    shares = read_shares(untied)
    own = tuple(_own(spec, untied, sources, formats))
    names = {source.weight.name for source in own}
    by_name = {source.weight.name: source for source in sources}
    read = whole = 0.0
    for weight in untied.weights():
        source = by_name[original(spec, weight.name)]
        format = formats[source.weight.name]
        whole += shares[weight.name] * source.held_bytes(format)
        read += shares[weight.name] * source.held_bytes(SHADOW_FORMAT if weight.name in names else format)
    if read > _WORTH * whole:
        raise Unsupported(
            f"A shadow of this model in {SHADOW_FORMAT} would read {read / whole:.0%} of the bytes that the model "
            "reads, and guess hardly faster. Load the model from plain weights and in more bits, or use "
            "speculation='lookup'."
        )
    return Shadow(untied, own, sum(source.held_bytes(SHADOW_FORMAT) for source in own), round(read))


class ShadowBuilder:
    """A shadow on its way into a backend, beside its model."""

    def __init__(self, backend: Backend, spec: Decoder, shadow: Shadow) -> None:
        """`spec` is the model's. Raises OutOfMemory, Unsupported for a backend on which no cache is shared."""
        builder = backend.builder(shadow.spec, shadow.formats)
        if not isinstance(builder, SharingBuilder):
            raise Unsupported(f"On {backend.device} through {backend.name} no two models share a cache.")
        self._builder = builder
        self._device = backend.device
        self._shadow = shadow
        self._names = {weight.name: original(spec, weight.name) for weight in shadow.spec.weights()}
        self._sources = {self._names[source.weight.name]: source for source in shadow.sources}
        self._weights: dict[str, Weight] = {}

    def place(self, name: str, transfer: Transfer) -> None:
        """Places what it holds of its own of the weight that the model calls `name`."""
        if (source := self._sources.get(name)) is not None:
            weight = source.place(replace(transfer, builder=self._builder), SHADOW_FORMAT, _unreported)
            self._weights[weight.name] = weight

    def compile(self, executable: Executable, weights: Mapping[str, Weight], cache: CacheShape, plain: str) -> Model:
        """The shadow, over the cache of the model's executable and with the rest of its weights."""
        own = self._weights
        mixed = {name: own.get(name) or weights[model_name] for name, model_name in self._names.items()}
        return Model(
            spec=self._shadow.spec,
            executable=self._builder.compile_beside(executable, mixed, forward, SHADOW_TOKENS),
            cache=cache,
            max_tokens=SHADOW_TOKENS,
            format=plain,
            device=self._device,
            weight_bytes=sum(weight.nbytes for weight in own.values()),
            read_bytes=self._shadow.read_bytes,
            quantization=SHADOW_FORMAT,
        )


def _unreported(rows: int) -> None:
    """The reading of a shadow is a part of its model's."""


def original(spec: Decoder, name: str) -> str:
    """The model's name of what its shadow calls `name`: where the head is the embedding, the shadow has one of its
    own."""
    return spec.head + name.removeprefix(HEAD) if name in (HEAD, f"{HEAD}_bias") else name


def _own(
    spec: Decoder, untied: Decoder, sources: Sequence[Source], formats: Mapping[str, str]
) -> Iterator[PlainSource]:
    """What is worth holding a second time."""
    config = QuantConfig(SHADOW_FORMAT, head=SHADOW_FORMAT)
    by_name = {source.weight.name: source for source in sources}
    for weight in untied.weights():
        source = by_name[original(spec, weight.name)]
        if not isinstance(source, PlainSource) or config.format_of(weight.role) is None or weight.name == EMBEDDING:
            continue
        if encoder_named(SHADOW_FORMAT).format.refusal(weight.shape[1]) is None and (
            source.held_bytes(SHADOW_FORMAT) < _WORTH * source.held_bytes(formats[source.weight.name])
        ):
            yield replace(source, weight=weight)
