"""The options of one pipeline call, sorted: what goes into the prompt, what into generating, what shapes the result.

It knows the field's names and the names a chat template reads; no tokens and no engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from causerie.api.generation.config import FLAGS, GenerationConfig
from causerie.api.generation.foreign_flags import FOREIGN, FOREIGN_ARGUMENTS
from causerie.api.generation.resolution import call_flags
from causerie.errors import Unsupported, UsageError, unknown

TENSORS, NEW_TEXT, FULL_TEXT = 0, 1, 2
"""Values of return_type, the field's numbers."""

_PADDING = (True, False, None, "longest", "do_not_pad")
_FURTHER = ("return_text", "return_tensors", "return_full_text", "stop_sequence", "padding", "num_workers")
_OUTPUTS = ("return_dict_in_generate", "output_scores", "output_logits", "logprobs")
_TEMPLATE_OPTIONS = ("chat_template", "add_generation_prompt", "continue_final_message", "tools", "documents")
_CUTTING = ("truncation", "max_length", "padding", "return_tensors", "tokenize", "return_dict")


@dataclass(frozen=True)
class PipelineCall:
    """One call's options. `flags` are generation's; `template` are variables of the chat template."""

    flags: GenerationConfig = field(default_factory=GenerationConfig)
    generation_config: GenerationConfig | None = None
    streamer: Any = None
    stopping_criteria: Any = None
    logits_processor: Any = None
    prefix_allowed_tokens_fn: Any = None
    return_type: int = FULL_TEXT
    skip_special_tokens: bool = True
    clean_up_tokenization_spaces: bool | None = None
    prefix: str = ""
    handle_long_generation: str | None = None
    truncation: bool | str | None = None
    add_special_tokens: bool | None = None
    continue_final_message: bool | str | None = None
    add_generation_prompt: bool | None = None
    tools: Any = None
    documents: Any = None
    batch_size: int | None = None
    tokenizer_encode_kwargs: Mapping[str, Any] = field(default_factory=dict)
    template: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def read(options: Mapping[str, Any], template_source: Callable[[], str]) -> PipelineCall:
        """Sorts the options of one call. A name that is nobody's is the chat template's if it mentions it (as
        enable_thinking), else an error. Raises UnknownName, Unsupported, UsageError."""
        rest = {name: value for name, value in options.items() if value is not None}
        own = {name: rest.pop(name) for name in _OWN if name in rest}
        own["return_type"] = _return_type(rest, own.get("return_type"))
        _check_own(own)
        if rest.pop("padding", False) not in _PADDING:
            raise Unsupported(
                "padding to a length would only add tokens that nobody reads; rows run at their own length."
            )
        rest.pop("num_workers", None)  # of a loader that feeds rows one by one; here they run together
        if (stop := rest.pop("stop_sequence", None)) is not None:
            if "stop_strings" in rest or "stop" in rest:
                raise UsageError("stop_sequence and stop_strings are two names of one flag; pass one of them.")
            rest["stop_strings"] = stop
        template = {name: rest.pop(name) for name in list(rest) if not _is_flag(name)}
        _check_template(template, template_source)
        for name in _OUTPUTS:
            if rest.get(name):
                raise Unsupported(f"{name} is not in a pipeline's result; use pipe.model.generate(…, {name}=True).")
        return PipelineCall(flags=call_flags(rest), template=template, **own)

    def chat_options(self, last_role: str) -> dict[str, Any]:
        """Arguments of `ChatFormat.prompt` for a chat whose last message has this role: an assistant's is continued."""
        encode = dict(self.tokenizer_encode_kwargs)
        for name in _CUTTING:
            if encode.pop(name, None):
                raise Unsupported(
                    f"tokenizer_encode_kwargs sets {name!r}, and a chat is never cut; shorten its messages."
                )
        if self.prefix or self.truncation:
            raise UsageError("prefix and truncation are for plain texts; this prompt is a chat. Leave them out.")
        made = {name: encode.pop(name) for name in _TEMPLATE_OPTIONS if name in encode}
        for name in ("continue_final_message", "add_generation_prompt", "tools", "documents"):
            if getattr(self, name) is not None:
                made[name] = getattr(self, name)
        made.setdefault("continue_final_message", last_role == "assistant" and not made.get("add_generation_prompt"))
        return made | {"variables": {**encode, **self.template}}


_OWN = tuple(f.name for f in fields(PipelineCall) if f.name not in ("flags", "template"))


def _is_flag(name: str) -> bool:
    return name in FLAGS or name in FOREIGN or name in FOREIGN_ARGUMENTS or name == "stop"


def _check_template(variables: Mapping[str, Any], template_source: Callable[[], str]) -> None:
    if not variables:
        return
    source = template_source()
    for name in variables:
        if re.search(rf"(?<![\w.]){re.escape(name)}\b", source) is None:
            known = (*_OWN, *_FURTHER, *FLAGS)
            raise unknown(
                "option of a pipeline",
                name,
                known,
                advice="The model's chat template does not read it either; tokenizer_encode_kwargs passes any name on.",
            )


def _check_own(own: Mapping[str, Any]) -> None:
    long = own.get("handle_long_generation")
    if long not in (None, "hole"):
        raise unknown("handle_long_generation", long, ("hole",))
    size = own.get("batch_size")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
        raise UsageError(f"batch_size is {size!r}; it must be a whole number of at least 1.")


def _return_type(options: dict[str, Any], return_type: Any) -> int:
    """What the four options that shape the result come to, by the field's rules of which exclude each other."""
    full, text, tensors = (options.pop(name, None) for name in ("return_full_text", "return_text", "return_tensors"))
    set_ones = [
        name
        for name, value in (("return_full_text", full), ("return_text", text), ("return_tensors", tensors))
        if value is not None
    ]
    if len(set_ones) > 1 and return_type is None:
        raise UsageError(f"{' and '.join(set_ones)} exclude each other; pass one of them.")
    if return_type is not None:
        number = getattr(return_type, "value", return_type)
        if number not in (TENSORS, NEW_TEXT, FULL_TEXT):
            raise UsageError(f"return_type is {return_type!r}; it must be 0 (tokens), 1 (new text) or 2 (full text).")
        return int(number)
    if tensors is not None:
        return TENSORS
    return NEW_TEXT if full is False else FULL_TEXT
