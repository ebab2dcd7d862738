"""`OpenModel`: what a loaded model says of itself, its tokenizer, and its life until it is closed.

Knows no prompt and no answer; causal_lm.py has what it computes.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from causerie.api.drafting.assistance import Assistance
from causerie.api.drafting.draft_checkpoint import DraftCheckpoint
from causerie.api.generation.config import GenerationConfig
from causerie.api.generation.foreign_flags import ForeignFlag, refuse_flags
from causerie.api.module_names import ModuleNames
from causerie.api.options.torch_names import DeviceName, device_name, dtype_name, dtype_object
from causerie.errors import Unsupported, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from causerie.api.loading.saving import Saving
    from causerie.api.model_files.model_config import ModelConfig
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer
    from causerie.backends.ops import ExpertReads
    from causerie.engine.thread import EngineThread
    from causerie.models.model import Model


class OpenModel(ModuleNames):
    """A model and the engine that runs it, by the field's names for what they are."""

    def __init__(
        self,
        model: Model,
        engine: EngineThread,
        *,
        config: ModelConfig,
        generation_config: GenerationConfig,
        backend: str = "",
        tokenizer: ChatTokenizer | None = None,
        saving: Saving | None = None,
        opener: Callable[[str], OpenModel | DraftCheckpoint] | None = None,
    ) -> None:
        """`opener` loads another model by its folder or id, or finds a head, to guess for this one."""
        self.config = config
        self.generation_config = generation_config
        self.backend = backend
        self._model = model
        self._engine = engine
        self._tokenizer = tokenizer
        self._saving = saving
        self._opener = opener
        self._assistance = Assistance(engine)
        self._closing = weakref.finalize(self, _close, engine, model)

    # --- what it is ---

    @property
    def name_or_path(self) -> str:
        """How the caller named it."""
        return self.config.name_or_path

    @property
    def device(self) -> DeviceName:
        """Where it runs; equal to the torch.device of that name."""
        return DeviceName(self._model.device)

    @property
    def dtype(self) -> Any:
        """How it holds what is not quantized: torch's object where torch is imported, else a text that equals it."""
        return dtype_object(self._model.format)

    @property
    def quantization(self) -> str | None:
        """The format that most of its matrices are quantized to, such as "int4"; None where none is."""
        return self._model.quantization

    @property
    def format(self) -> str:
        """How most of its weights are held, such as "bfloat16" or "int4"."""
        return self.quantization or self._model.format

    @property
    def cache_dtype(self) -> str:
        """The format that past keys and values are kept in, such as "bfloat16" or "int8"."""
        return self._model.cache.dtype

    @property
    def context(self) -> int:
        """Longest sequence, in tokens."""
        return self._model.context

    @property
    def capacity(self) -> int:
        """Longest sequence, in tokens, that its cache has room for; the context at most."""
        return self._engine.capacity

    @property
    def step_model(self) -> Model:
        """What the engine runs its steps on. For measuring alone: a step run from outside writes into the cache that
        requests share."""
        return self._model

    def expect_chats(self) -> None:
        """Has the engine bring back what is kept of the last texts, where keep_cache is set, before somebody asks for
        it. Not before `step_model.touch`, as that is for memory which nothing uses yet."""
        if self._engine.stats().disk is not None:
            self._engine.begin()

    def num_parameters(self) -> int:
        """Number of parameters, a tied head counted once."""
        return self._model.spec.parameters

    @property
    def active_parameters(self) -> float:
        """How many of them each token uses: of experts those that it goes to."""
        return self._model.spec.active_parameters

    @property
    def read_bytes(self) -> int:
        """Bytes of weights that each token of an answer reads."""
        return self._model.read_bytes

    @property
    def drafters(self) -> tuple[str, ...]:
        """Who guesses tokens of answers where a call does not say, by name (docs/speculation.md)."""
        return self._engine.drafters

    @property
    def has_assistant(self) -> bool:
        """Whether another model, or a head, guesses for it."""
        return self._assistance.exists

    def assist(
        self,
        assistant: Any,
        *,
        unasked: bool = True,
        tokenizer: ChatTokenizer | None = None,
        assistant_tokenizer: ChatTokenizer | None = None,
        translated: bool = True,
    ) -> None:
        """Has another model guess tokens for this one, which checks several at a time: a loaded one, or one that is
        loaded by its folder or id, which may be those of an EAGLE3 head. `unasked`: in all answers from now on, not
        only in those of calls that name it. No answer changes. The guesses of one with other tokens are translated, by
        `tokenizer` and `assistant_tokenizer` where both are passed, else, unless `translated` is False, by those of the
        two models' folders. Raises UsageError, Unsupported, OutOfMemory, and as from_pretrained."""
        if (tokenizer is None) != (assistant_tokenizer is None):
            raise UsageError("tokenizer and assistant_tokenizer translate between two models: pass both, or neither.")
        both = None if tokenizer is None or assistant_tokenizer is None else (tokenizer, assistant_tokenizer)
        self._assistance.take(self, assistant, self._opened, unasked=unasked, tokenizers=both, translated=translated)

    def _opened(self, model: Any) -> OpenModel | DraftCheckpoint:
        """The loaded model that `model` is, or what it names. Raises UsageError, and as from_pretrained."""
        if isinstance(model, OpenModel | DraftCheckpoint):
            return model
        if isinstance(model, str | Path) and self._opener is not None:
            return self._opener(str(model))
        raise UsageError(
            f"assistant_model is a {type(model).__module__}.{type(model).__name__}; expected a model that "
            "AutoModelForCausalLM loaded, a folder or an id.",
            field="assistant_model",
        )

    def expert_choices(self) -> dict[int, NDArray[np.int64]]:
        """How many tokens went to each expert since the model was loaded: counts [experts] by the number of each layer
        that has experts. What was guessed and checked counts too, whether it came or not: the experts were read."""
        layers = [i for i, layer in enumerate(self._model.spec.layers) if layer.experts is not None]
        return dict(zip(layers, self._model.expert_choices(), strict=True))

    def expert_reads(self) -> ExpertReads | None:
        """Of a prepared model whose experts stay in their file (docs/experts.md): how many memory holds, how often one
        that was needed was there, and what was read; None where all weights are in memory."""
        return self._model.expert_reads()

    def get_memory_footprint(self) -> int:
        """Bytes of the weights as held; the cache is beside them."""
        return self._model.weight_bytes

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.name_or_path!r}: {self._model.spec.family}, "
            f"{self.num_parameters() / 1e6:,.0f} M parameters, "
            f"{self.format}, {self.backend or 'unknown'} on {self.device}, context {self.context})"
        )

    @property
    def generation_config(self) -> GenerationConfig:
        """The flags that hold where a call sets none. One of transformers' may be assigned; it is copied."""
        return self._generation_config

    @generation_config.setter
    def generation_config(self, config: Any) -> None:
        self._generation_config = GenerationConfig.of(config)

    @property
    def tokenizer(self) -> ChatTokenizer:
        """The tokenizer of the model's own folder, loaded when first used. Raises MissingFile."""
        if self._tokenizer is None:
            from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer

            if self.config.folder is None:
                raise UsageError("This model was made without a folder, so it has no tokenizer; pass tokenizer=…")
            self._tokenizer = ChatTokenizer.from_folder(self.config.folder, self.name_or_path)
        return self._tokenizer

    # --- its life ---

    def to(self, device: Any = None, dtype: Any = None) -> Self:
        """Itself, if it is there already; a model stays where it was loaded."""
        if (
            device is not None
            and dtype is None
            and str(device).removeprefix("torch.") in ("float32", "float16", "bfloat16")
        ):
            device, dtype = None, device
        if device is not None:
            target = device_name(device)
            if target not in (self.device, self.device.type, "auto"):
                raise Unsupported(
                    f"This model is on {self.device} and cannot move to {target}. Load it there: "
                    f"from_pretrained({self.name_or_path!r}, device_map={target!r})."
                )
        if dtype is not None and dtype_name(dtype) not in (self._model.format, "auto"):
            raise Unsupported(
                f"This model's weights are held in {self._model.format}. "
                f"Load it with dtype={dtype_name(dtype)!r} instead."
            )
        return self

    def save_pretrained(
        self, save_directory: str | Path, *, prepared: bool = False, progress: bool = True, **others: Any
    ) -> None:
        """Writes a folder that from_pretrained loads again to the same logits, quantized weights without the work of
        quantizing: config.json, model.safetensors, generation_config.json with the flags of `generation_config`, and
        the other small files of the folder that it was loaded from, which must still be there. `prepared` keeps the
        matrices as the native backend's kernels read them, so that a start maps the file and does no work at all; only
        that backend loads the folder. Raises UsageError, Unsupported, CheckpointError."""
        refuse_flags("option of save_pretrained()", others, _SAVING_FOREIGN, ("save_directory", "prepared", "progress"))
        if self._saving is None:
            raise UsageError("This model was made without a folder, so there is nothing to save it from.")
        kernels = self._model.kernel_matrices() if prepared else None
        self._saving.write(Path(save_directory), self.generation_config, progress=progress, prepared=kernels)

    def close(self) -> None:
        """Ends what runs and frees weights and cache. Also done when the last reference goes."""
        self._closing()

    def __reduce__(self) -> NoReturn:
        raise UsageError("A loaded model cannot be copied or sent to another process; load it there as well.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _close(engine: EngineThread, model: Model) -> None:
    engine.close()
    model.close()


_SAVING_FOREIGN = {
    "safe_serialization": ForeignFlag((True,), "Only safetensors are written: other files can run code when opened."),
    "max_shard_size": ForeignFlag(("5GB", "50GB"), "Weights are written as one file; leave it out."),
    "push_to_hub": ForeignFlag((False,), "Upload the folder with `hf upload`."),
    "state_dict": ForeignFlag((), "Weights are those that the model holds."),
    "variant": ForeignFlag((), "The file is called model.safetensors."),
}
