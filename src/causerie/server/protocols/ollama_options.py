"""The `options` of Ollama's requests: how to draw and where to stop, as generate flags. Pure: no HTTP, no model.

An option that is not listed here is refused by name. What Ollama's own way to hold a model needs (`num_gpu` and the
like) changes nothing here; what cannot be kept to the letter is said in notes that stand in the answer.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from causerie.server.http.failure_responses import Refusal
from causerie.server.protocols.sampling_fields import check_stops, drawing_flags, in_range

_DRAWING = ("temperature", "top_p", "top_k", "min_p", "typical_p")
_RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_k": (0, 1 << 31),
    "min_p": (0, 1),
    "typical_p": (0, 1),
    "repeat_penalty": (0.01, 100),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "num_predict": (-2, 1 << 31),
    "num_ctx": (0, 1 << 31),
    "repeat_last_n": (-1, 1 << 31),
}


class OllamaOptions(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """None leaves the choice to the model's generation_config.json."""

    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    seed: int | None = None  # below 0 there is none
    num_predict: int | None = None  # 0 and below: until the model ends, or the context does
    num_ctx: int | None = None  # nothing is set aside for it: the context is the model's
    stop: str | list[str] | None = None
    repeat_penalty: float | None = None
    repeat_last_n: int | None = None  # 0: no penalties; else they are for the whole text
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    mirostat: int | None = None  # 0 alone, and then the next two mean nothing
    mirostat_tau: float | None = None
    mirostat_eta: float | None = None
    tfs_z: float | None = None  # 1 alone
    penalize_newline: bool | None = None  # true alone
    num_keep: int | None = None  # of a context that is shifted, which is not done; all of the rest is Ollama's engine's
    num_batch: int | None = None
    num_gpu: int | None = None
    main_gpu: int | None = None
    num_thread: int | None = None
    numa: bool | None = None
    low_vram: bool | None = None
    f16_kv: bool | None = None
    logits_all: bool | None = None
    vocab_only: bool | None = None
    embedding_only: bool | None = None
    use_mmap: bool | None = None
    use_mlock: bool | None = None

    def flags(self) -> dict[str, Any]:
        """The generate flags that these options set. Raises Refusal, naming the option."""
        self._check()
        flags = drawing_flags(self, _DRAWING)
        if self.repeat_last_n != 0:
            penalties = {
                "repetition_penalty": self.repeat_penalty,
                "presence_penalty": self.presence_penalty,
                "frequency_penalty": self.frequency_penalty,
            }
            flags |= {name: value for name, value in penalties.items() if value is not None}
        else:
            flags |= {"repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
        if self.seed is not None and self.seed >= 0:
            flags["seed"] = self.seed
        if self.num_predict is not None and self.num_predict > 0:
            flags["max_new_tokens"] = self.num_predict
        if self.stop:
            flags["stop_strings"] = self.stop
        return flags

    def notes(self, context: int | None) -> list[str]:
        """What was asked and is otherwise, of a model with this context, in sentences."""
        notes = []
        if self.num_ctx is not None and context is not None and self.num_ctx > context:
            notes.append(f"num_ctx is {self.num_ctx}, and the context of this model has {context} tokens here.")
        if self.repeat_last_n is not None and self.repeat_last_n > 0 and self.repeat_penalty not in (None, 1):
            notes.append(f"repeat_last_n is {self.repeat_last_n}; repeat_penalty is for the whole text.")
        return notes

    def _check(self) -> None:
        for name, (low, high) in _RANGES.items():
            in_range(name, getattr(self, name), low, high, param="options")
        check_stops("stop", [self.stop] if isinstance(self.stop, str) else self.stop or [])
        for name, only in (("mirostat", 0), ("tfs_z", 1), ("penalize_newline", True)):
            value = getattr(self, name)
            if value not in (None, only):
                sentence = f"The option {name} is {value}; only {str(only).lower()} is done. Leave it out."
                raise Refusal(400, sentence, param="options", code="unsupported")
