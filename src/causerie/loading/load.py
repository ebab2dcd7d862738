"""Weights of a checkpoint, pulled by canonical name into a backend: verified all together first, then read one tensor
at a time, a slice of rows at a time, and quantized on the way where that is asked for.

Knows no file format (checkpoint/ has that) and no layout of a backend; decides in which format weights are held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from causerie.backends.ops import Backend, CacheShape, encoders_of
from causerie.backends.step import Int32
from causerie.checkpoint.elementwise import Plus
from causerie.checkpoint.gguf.block_types import BlockIndex
from causerie.checkpoint.index import TensorIndex
from causerie.errors import ConfigError, Unsupported, UsageError, WeightFileError, unknown
from causerie.loading.calibration import measured_inputs, random_texts
from causerie.loading.draft_head import with_draft_head
from causerie.loading.find import find_weights, untie_if_different
from causerie.loading.packed.method import method_of, plain_names, without_method
from causerie.loading.packed.ours import says_types
from causerie.loading.packed.records import block_kinds, usual_format
from causerie.loading.prepared import check_mapping, prepared_for
from causerie.loading.quantize import MeasuredInputs
from causerie.loading.read_share import is_of_expert, read_shares
from causerie.loading.shadow import SHADOW_FORMAT, Shadow, ShadowBuilder, shadow_of
from causerie.loading.sources import (
    STORED,
    PlainSource,
    PreparedSource,
    Progress,
    Source,
    Transfer,
    reporter,
)
from causerie.models.decoder import forward
from causerie.models.eagle3 import refuse_head
from causerie.models.gguf.architecture import gguf_model, refuse_lone_head
from causerie.models.model import Model, give_heads
from causerie.models.registry import family, spec_from_config, text_values
from causerie.quant.config import QuantConfig
from causerie.quant.encoders import ENCODERS, evens, weighs
from causerie.quant.formats import QUANTIZED
from causerie.quant.transform import Transform
from causerie.quant.weight import FORMATS, Weight
from causerie.spec.decoder import Decoder
from causerie.spec.weight import UNROUNDED

SizeCache = Callable[[Decoder, str], CacheShape]  # from a spec and the plain format of its weights


@dataclass(frozen=True)
class Survey:
    """All there is to know of a checkpoint before its weights are read."""

    spec: Decoder
    sources: tuple[Source, ...]
    plain: str  # the format of what is not quantized: "float32", "float16" or "bfloat16"
    formats: Mapping[str, str]  # of each weight by canonical name
    config: Mapping[str, Any] = field(repr=False)
    keeps_types: bool = False  # whether what is not quantized is held as the files have it, each tensor in its own type
    inputs: MeasuredInputs = field(default_factory=MeasuredInputs, repr=False)  # as `calibrated` measured them

    def named_by_family(self) -> Survey:
        """The same, with each weight called as checkpoints of the model's family call it, whatever these files do."""
        names = family(self.config).names(self.spec)
        keys = {source.weight.name: names.expression(source.weight.name).key for source in self.sources}
        return replace(self, sources=tuple(_called(source, keys[source.weight.name]) for source in self.sources))

    @property
    def prepared_for(self) -> str | None:
        """The backend whose kernels read the matrices as they lie in the files; None where any can place them."""
        said = prepared_for(self.config)
        return None if said is None else str(said["backend"])

    def check_backend(self, backend: Backend) -> None:
        """Raises Unsupported where the folder was prepared for another backend, or for another version of one."""
        if self.prepared_for is not None:
            check_mapping(backend, self.config)

    @property
    def nbytes(self) -> int:
        """Bytes of the weights as they will be held, in the reference layout: what a backend needs, but for padding."""
        return sum(self.held_bytes(source) for source in self.sources)

    def held_bytes(self, source: Source) -> int:
        """The same of one weight."""
        return source.held_bytes(self.formats[source.weight.name])

    @property
    def expert_bytes(self) -> int:
        """Of `nbytes`, those of experts."""
        return sum(self.held_bytes(source) for source in self.sources if is_of_expert(source.weight.name))

    @cached_property
    def read_bytes(self) -> int:
        """Bytes of weights, as held, that one token of an answer reads: of experts those that it goes to, of tables of
        which it reads a row as good as nothing."""
        shares = read_shares(self.spec)
        return round(sum(shares[source.weight.name] * self.held_bytes(source) for source in self.sources))

    def transform(self, source: Source, index: TensorIndex) -> Transform | None:
        """What the inputs of a matrix go through first."""
        return source.transform(index, self.inputs, self.formats[source.weight.name])

    def shadow(self, backend: Backend) -> Shadow:
        """What guesses for this model with its own weights in fewer bits. Raises Unsupported where nothing can."""
        if backend.name != "native":
            raise Unsupported(
                f"A model's shadow shares its cache on the native backend, and this model is on {backend.device} "
                "through torch. Load it with backend='native', or use speculation='lookup'."
            )
        return shadow_of(self.spec, self.sources, self.formats)

    def without_draft_head(self) -> Survey:
        """The same without the head to guess with, where there is one."""
        names = {weight.name for weight in self.spec.draft_weights()}
        sources = tuple(source for source in self.sources if source.weight.name not in names)
        formats = {name: format for name, format in self.formats.items() if name not in names}
        return replace(self, spec=replace(self.spec, draft_head=None), sources=sources, formats=formats)

    @property
    def quantization(self) -> str | None:
        """The quantized format of most matrices; None where all are plain."""
        counts = Counter(format for format in self.formats.values() if format in QUANTIZED)
        return counts.most_common(1)[0][0] if counts else None


def survey(
    index: TensorIndex,
    config: Mapping[str, Any],
    *,
    dtype: str = "auto",
    quantization: QuantConfig | None = None,
    strict: bool = False,
    draft_head: bool = False,
) -> Survey:
    """Where the weights lie and how they will be held. Reads headers only. Raises ConfigError or UnknownName for a
    config that cannot be computed, WeightFileError for tensors that are missing, unexpected or misshapen,
    UsageError for a quantization that cannot be. `strict` refuses what is else passed over with a warning: keys and
    tensors that no decoder computes by. `draft_head`: with the head to guess with, where the files hold one."""
    refuse_head(config, index.names())
    if isinstance(index, BlockIndex):
        refuse_lone_head(index.metadata, index)
    whole, config = config, text_values(config)
    method = method_of(config)
    if method is not None and quantization is not None:
        if prepared_for(config) is not None:
            raise UsageError(
                f"The folder was prepared, and its weights cannot be quantized to {quantization.name} any more. Load "
                "it as it is, or prepare the original model with that quantization."
            )
        raise UsageError(
            f"The checkpoint is quantized already, by {method}, and quantizing it again to {quantization.name} would "
            f"lose more. Load it as it is, or quantize the model it was made from."
        )
    if quantization is not None and (blocks := block_kinds(index)):
        raise UsageError(
            f"The file is quantized already, as {', '.join(sorted(blocks))}, and quantizing it again to "
            f"{quantization.name} would lose more. Load it as it is, or quantize the model it was made from."
        )
    family_config = without_method(config) if method is not None else config
    spec = spec_from_config(family_config, strict, draft_head)
    gguf = gguf_model(index.metadata, index) if isinstance(index, BlockIndex) else None
    names = (family(config) if gguf is None else gguf).names(spec).within(plain_names(config, index.names()))
    spec = untie_if_different(spec, names, index)
    if draft_head:
        spec, names = with_draft_head(spec, names, index, config)
    beside = () if gguf is None else gguf.continued
    sources = tuple(find_weights(spec, names, index, config=config, strict=strict, beside=beside))
    plain = weight_format(config, index, dtype)
    if prepared_for(config) is not None and plain != (precision := weight_format(config, index)):
        raise UsageError(
            f"The folder was prepared with its weights in {precision}, and dtype {plain} was asked for. Prepare the "
            "original model again, or leave dtype out."
        )
    formats = formats_of(spec, sources, plain, quantization)
    keeps_types = dtype == "auto" and (gguf is not None or says_types(config))
    if keeps_types:
        formats = as_written(sources, formats, plain)
    return Survey(spec, sources, plain, formats, whole, keeps_types)


def calibrated(
    survey: Survey,
    index: TensorIndex,
    backend: Backend,
    *,
    texts: Sequence[Int32] | None = None,
    shadow: bool = False,
    workers: int = 1,
) -> Survey:
    """The same with what its matrices read of `texts` (None: of random ones), where one of them, or of those of its
    `shadow`, is to be quantized by that; the model goes through the backend as it is stored, a layer at a time. Raises
    OutOfMemory."""
    sources = [source for source in survey.sources if isinstance(source, PlainSource)]
    formats = {*survey.formats.values(), *((SHADOW_FORMAT,) if shadow else ())}
    asking = {format for format in formats & set(ENCODERS) if weighs(format) or evens(format)}
    if not asking or len(sources) < len(survey.sources):
        return survey
    spec, plain = survey.spec, formats_of(survey.spec, sources, survey.plain, None)
    read = random_texts(spec.vocab, spec.context) if texts is None else texts
    with Transfer.begun(index, backend.builder(spec, {}), workers) as transfer:
        return replace(survey, inputs=measured_inputs(spec, sources, plain, read, transfer, backend))


def formats_of(
    spec: Decoder, sources: Sequence[Source], plain: str, quantization: QuantConfig | None
) -> dict[str, str]:
    """How each weight will be held: as in the files, where that cannot be chosen, else by `quantization`, or plain;
    what decides a choice, what adds up from position to position, and 1 + w, always in float32."""
    formats = {source.weight.name: source.format or plain for source in sources}
    if quantization is not None:
        modules = {source.weight.name: module_of(source) for source in sources}
        formats = quantization.formats(spec, plain, modules)
    return formats | {source.weight.name: "float32" for source in sources if _is_exact(source)}


def as_written(sources: Sequence[Source], formats: Mapping[str, str], plain: str) -> dict[str, str]:
    """The same, but what would be `plain` is held as the file has it: there each tensor has a type of its own."""
    stored = {source.weight.name: source.stored for source in sources if isinstance(source, PlainSource)}
    return {name: stored.get(name, format) if format == plain else format for name, format in formats.items()}


def _called(source: Source, key: str) -> Source:
    return replace(source, alone=key) if isinstance(source, PlainSource) else replace(source, key=key)


def _is_exact(source: Source) -> bool:
    sums = isinstance(source, PlainSource) and isinstance(source.expression, Plus)
    return sums or source.weight.role in UNROUNDED


def load_model(
    index: TensorIndex,
    config: Mapping[str, Any],
    *,
    backend: Backend,
    size_cache: SizeCache,
    dtype: str = "auto",
    quantization: QuantConfig | None = None,
    max_tokens: int = 512,
    strict: bool = False,
    progress: Progress | None = None,
    workers: int = 1,
) -> Model:
    """The model of a checkpoint, ready to run steps of at most `max_tokens` tokens; `workers` threads quantize. The
    index may be closed afterwards. Raises as `survey` and `load_surveyed`; always before any weight is placed, but for
    numbers that cannot be quantized."""
    if max_tokens < 1:
        raise UsageError(f"max_tokens is {max_tokens}; a step needs room for at least one token.")
    return load_surveyed(
        survey(index, config, dtype=dtype, quantization=quantization, strict=strict),
        index,
        backend=backend,
        size_cache=size_cache,
        max_tokens=max_tokens,
        progress=progress,
        workers=workers,
    )


def load_surveyed(
    survey: Survey,
    index: TensorIndex,
    *,
    backend: Backend,
    size_cache: SizeCache,
    max_tokens: int = 512,
    shadow: Shadow | None = None,
    progress: Progress | None = None,
    workers: int = 1,
    expert_memory: int | None = None,
) -> Model:
    """The model of a surveyed checkpoint, with its `shadow` where one is handed in. With `expert_memory` experts of a
    prepared one stay in their file but for so many bytes of those that are used most. Raises OutOfMemory and
    Unsupported before any weight is placed, UsageError for a tensor with numbers that cannot be quantized."""
    survey.check_backend(backend)
    cache = size_cache(survey.spec, survey.plain)
    names = [each.weight.name for each in survey.sources if not isinstance(each, PreparedSource)]
    builder = backend.builder(survey.spec, {name: survey.formats[name] for name in names})
    beside = None if shadow is None else ShadowBuilder(backend, survey.spec, shadow)
    with Transfer.begun(index, builder, workers, expert_memory, survey.inputs, encoders_of(backend)) as transfer:
        weights = _place(survey, transfer, progress, beside)
    executable = builder.compile(weights, forward, cache, max_tokens)
    model = Model(
        spec=survey.spec,
        executable=executable,
        cache=cache,
        max_tokens=max_tokens,
        format=survey.plain,
        device=backend.device,
        weight_bytes=sum(weight.nbytes for weight in weights.values()),
        read_bytes=survey.read_bytes,
        expert_bytes=sum(weight.nbytes for name, weight in weights.items() if is_of_expert(name)),
        quantization=survey.quantization,
        shadow=None if beside is None else beside.compile(executable, weights, cache, survey.plain),
    )
    give_heads(model, sum(weights[each.name].nbytes for each in survey.spec.draft_weights()))
    return model


def weight_format(config: Mapping[str, Any], index: TensorIndex, dtype: str = "auto") -> str:
    """The format that `dtype` means: itself, or for "auto" what config.json says the weights are in, else what the
    first of them is stored in; of a GGUF file what most are stored in."""
    if dtype in FORMATS:
        return dtype
    if dtype != "auto":
        raise unknown("dtype", dtype, ("auto", *FORMATS))
    for key in ("dtype", "torch_dtype"):
        if (named := config.get(key)) is not None:
            if named not in FORMATS:
                raise ConfigError(
                    f"config.json sets {key!r} = {named!r}; weights can be held as {', '.join(FORMATS)}. "
                    "Pass one of them as dtype."
                )
            return str(named)
    if isinstance(index, BlockIndex):
        return usual_format(index)
    for name in sorted(index.names()):
        if (stored := STORED.get(index.info(name).dtype)) is not None:
            return stored
    raise WeightFileError("The checkpoint has no tensor of floating-point numbers. Download the model again.")


def module_of(source: Source) -> str:
    """The module that a weight belongs to, as the checkpoint calls it."""
    return source.tensors[0].removesuffix(".weight")


def _place(
    survey: Survey, transfer: Transfer, progress: Progress | None, shadow: ShadowBuilder | None
) -> dict[str, Weight]:
    total = sum(source.nbytes for source in survey.sources)
    done = 0
    weights: dict[str, Weight] = {}
    for source in survey.sources:
        name = source.weight.name
        weights[name] = source.place(transfer, survey.formats[name], reporter(source, done, total, progress))
        if shadow is not None:
            shadow.place(name, transfer)
        done += source.nbytes
    if progress is not None:
        progress(total, total, "")
    return weights
