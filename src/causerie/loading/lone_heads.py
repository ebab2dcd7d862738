"""The heads of a GGUF file that holds nothing else, beside a loaded model: found and checked, placed, and made passes
that run on the model's threads or device, over its embedding and its matrix of logits.

Knows no drafting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from causerie.backends.ops import Backend, CacheShape, LendingExecutable
from causerie.checkpoint.gguf.block_types import BlockIndex
from causerie.errors import Unsupported, UsageError, WeightFileError
from causerie.loading.draft_head import whole_head
from causerie.loading.find import locate
from causerie.loading.load import as_written, formats_of, weight_format
from causerie.loading.sources import Source, Transfer, reporter
from causerie.models.draft_head import draft_forward, lone_head, lone_names
from causerie.models.gguf.architecture import gguf_model
from causerie.models.model import HEAD_TOKENS, Model
from causerie.models.registry import spec_from_config
from causerie.spec.decoder import EMBEDDING, Decoder


@dataclass(frozen=True)
class LoneHeads:
    """All there is to know of a file of heads before its weights are read."""

    spec: Decoder  # the model's, with the heads
    sources: tuple[Source, ...]
    formats: Mapping[str, str]  # of each weight by canonical name
    plain: str

    @property
    def nbytes(self) -> int:
        """Of their weights as held."""
        return sum(source.held_bytes(self.formats[source.weight.name]) for source in self.sources)

    @property
    def count(self) -> int:
        """How many there are."""
        return 0 if self.spec.draft_head is None else self.spec.draft_head.count

    @property
    def one(self) -> Decoder:
        """Each of them as a decoder."""
        return lone_head(self.spec)


def survey_lone_heads(index: BlockIndex, target: Decoder, dtype: str = "auto") -> LoneHeads:
    """Where the weights of heads for `target` lie, and how they will be held. Raises ConfigError, UnknownName for a
    file whose architecture cannot be read, Unsupported for one whose heads are not known, UsageError for one of another
    model, WeightFileError for tensors that are missing or misshapen."""
    gguf = gguf_model(index.metadata, index)
    spec = spec_from_config(gguf.config, draft_head=True)
    if spec.draft_head is None:
        raise Unsupported(
            f"The file is the head of a {spec.family} model, and how that guesses is not known here. Go without it."
        )
    _check_target(spec, target)
    made = whole_head(spec, gguf.names(spec), index, gguf.config)
    if isinstance(made, str):
        raise WeightFileError(f"The head is not whole. {made or 'The file holds nothing of it.'} Download it again.")
    spec, names = made
    sources = tuple(locate(spec.draft_weights(), names, index, gguf.config)[0])
    plain = weight_format(gguf.config, index, dtype)
    formats = formats_of(spec, sources, plain, None)
    if dtype == "auto":
        formats = as_written(sources, formats, plain)
    return LoneHeads(replace(target, draft_head=spec.draft_head), sources, formats, plain)


def load_lone_heads(
    heads: LoneHeads, index: BlockIndex, *, backend: Backend, target: Model, cache: CacheShape, workers: int = 1
) -> list[Model]:
    """The heads, placed by a `backend` of the kind that `target` runs on, each with a cache of this shape; they are
    closed with that. Raises OutOfMemory, Unsupported where the model cannot lend."""
    if not isinstance(target.executable, LendingExecutable):
        raise Unsupported(f"No head can guess for a model on {target.device}. Use speculation='lookup'.")
    one, lent = heads.one, [EMBEDDING, heads.spec.head]
    lent += [f"{heads.spec.head}_bias"] if heads.spec.head_bias else []
    passes = []
    for number in range(heads.count):
        names = lone_names(heads.spec, number)
        own = [each for each in heads.sources if each.weight.name in names]
        formats = {names[each.weight.name]: heads.formats[each.weight.name] for each in own}
        sources = [replace(each, weight=each.weight._replace(name=names[each.weight.name])) for each in own]
        with Transfer.begun(index, backend.builder(one, formats), workers) as transfer:
            weights = {
                each.weight.name: each.place(transfer, formats[each.weight.name], reporter(each, 0, 0, None))
                for each in sources
            }
        executable = target.executable.lend(lent, one, weights, draft_forward, cache, HEAD_TOKENS)
        nbytes = sum(weight.nbytes for weight in weights.values())
        passes.append(Model(one, executable, cache, HEAD_TOKENS, heads.plain, target.device, nbytes, nbytes))
    target.guests.extend(passes)
    return passes


def _check_target(head: Decoder, target: Decoder) -> None:
    """Raises UsageError with all that shows that a head was made for another model."""
    faults = []
    if head.family != target.family:
        faults.append(f"it is of a {head.family} model, and this is a {target.family} model")
    if head.width != target.width:
        faults.append(f"it reads rows of {head.width} numbers, and the model's have {target.width}")
    if head.vocab != target.vocab:
        faults.append(f"it knows {head.vocab} tokens, and the model {target.vocab}")
    if len(head.layers) != len(target.layers):
        faults.append(f"it belongs behind {len(head.layers)} layers, and the model has {len(target.layers)}")
    if faults:
        raise UsageError(
            f"The head does not fit this model: {'; '.join(faults)}. Use the head that was made for this very model."
        )
