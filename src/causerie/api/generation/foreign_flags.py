"""The field's generation flags that this program does not have: which values ask for nothing, and what to use instead.

A table, read by generation.py. It knows no model and no request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from causerie.errors import Unsupported, unknown


@dataclass(frozen=True)
class ForeignFlag:
    """A flag of transformers 5.23 that nothing here reads."""

    neutral: tuple[Any, ...]  # values that ask for nothing; None always is one
    instead: str  # a sentence for whoever asks for more
    exact: bool = False
    """Whether leaving it out changes no token of an answer. A checkpoint's own file may then set it; a caller who sets
    it is still told, because they expect something of it."""

    def asks(self, value: Any) -> bool:
        """Whether `value` wants something that is not done here."""
        return value is not None and not any(_is_same(value, known) for known in self.neutral)


def _is_same(value: Any, known: Any) -> bool:
    if isinstance(known, list):
        return isinstance(value, list) and value == known  # the field's LogitsProcessorList is a kind of list
    return type(value) is type(known) and value == known


_BEAMS = (
    "Beams are searched by model.generate(…, num_beams=…) alone; do_sample=True with num_return_sequences gives "
    "several answers everywhere."
)
_DRAFTS = (
    "Leave it out, the tokens are the same: assistant_model, speculation and prompt_lookup_num_tokens are there, and "
    "how many tokens are guessed is measured."
)
_LOOKBEHIND = "Leave it out, the tokens are the same: how much is translated again follows from the text."
_CACHE = "There is one cache, paged and shared between requests; leave it out."
_HUB = "transformers moved it out of its library too; use do_sample=True with min_p or repetition_penalty."
_INSIDE = "Layers are not observable; output_logits and output_scores are."
_ENCODER = "It belongs to encoder-decoder models; use repetition_penalty or no_repeat_ngram_size."
_COMPILE = "Nothing is compiled at run time; leave it out."

FOREIGN: dict[str, ForeignFlag] = {
    "num_beams": ForeignFlag((1,), _BEAMS),
    "num_beam_groups": ForeignFlag((1,), _BEAMS),
    "diversity_penalty": ForeignFlag((0.0, 0), _BEAMS),
    "early_stopping": ForeignFlag((False,), _BEAMS, exact=True),  # only beams read it, and num_beams speaks for them
    "length_penalty": ForeignFlag((1.0, 1), _BEAMS, exact=True),
    "constraints": ForeignFlag((), "Use response_format, or prefix_allowed_tokens_fn."),
    "force_words_ids": ForeignFlag((), "Use sequence_bias to make words likelier; beams here force none."),
    "penalty_alpha": ForeignFlag((0.0, 0), _HUB),
    "dola_layers": ForeignFlag((), _HUB),
    "low_memory": ForeignFlag((False,), "It belongs to contrastive search, which is not here.", exact=True),
    "guidance_scale": ForeignFlag((1.0, 1), "Guidance by a second prompt is not here; say it in the system message."),
    "watermarking_config": ForeignFlag((), "Watermarks are not here; leave it out."),
    "token_healing": ForeignFlag((False,), "End the prompt before the unfinished word instead."),
    "top_h": ForeignFlag((), "Use min_p or typical_p, which also adapt to the distribution."),
    "encoder_repetition_penalty": ForeignFlag((1.0, 1), _ENCODER),
    "encoder_no_repeat_ngram_size": ForeignFlag((0,), _ENCODER),
    "decoder_start_token_id": ForeignFlag((), _ENCODER, exact=True),
    "forced_bos_token_id": ForeignFlag((), "Put the token at the end of the prompt."),
    "forced_eos_token_id": ForeignFlag((), "Append the token to the answer yourself."),
    "exponential_decay_length_penalty": ForeignFlag((), "Use max_new_tokens, or logit_bias on the end token."),
    "remove_invalid_values": ForeignFlag(
        (False,), "Logits that are not numbers end their request with an error.", exact=True
    ),
    "output_attentions": ForeignFlag((False,), _INSIDE),
    "output_hidden_states": ForeignFlag((False,), _INSIDE),
    "use_cache": ForeignFlag((True, False), "It is True or False; answers are the same with either.", exact=True),
    "cache_implementation": ForeignFlag(("dynamic",), _CACHE, exact=True),
    "cache_config": ForeignFlag((), _CACHE, exact=True),
    "max_cache_len": ForeignFlag((), _CACHE, exact=True),
    "prefill_chunk_size": ForeignFlag(
        (), "Prompts are read in chunks of the engine's choosing; leave it out.", exact=True
    ),
    "compile_config": ForeignFlag((), _COMPILE, exact=True),
    "disable_compile": ForeignFlag((True, False), _COMPILE, exact=True),
    "continuous_batching_config": ForeignFlag(
        (), "Requests are always batched as they come; leave it out.", exact=True
    ),
    "is_assistant": ForeignFlag((False,), _DRAFTS, exact=True),
    "use_mtp": ForeignFlag((False,), _DRAFTS, exact=True),
    "speculation_type": ForeignFlag(("dflash",), _DRAFTS, exact=True),
    "assistant_early_exit": ForeignFlag((), _DRAFTS, exact=True),
    "assistant_lookbehind": ForeignFlag((10,), _LOOKBEHIND, exact=True),
    "target_lookbehind": ForeignFlag((10,), _LOOKBEHIND, exact=True),
    "assistant_ensemble_weight": ForeignFlag(
        (), "It changes what the model says, and assisted generation is not here."
    ),
}

# Arguments of the field's generate() that are objects or switches rather than settings.
FOREIGN_ARGUMENTS: dict[str, ForeignFlag] = {
    "logits_processor": ForeignFlag(([],), "Pass it to generate() or to pipeline(), which run it."),
    "prefix_allowed_tokens_fn": ForeignFlag((), "Pass it to generate() or to pipeline(), which run it."),
    "assistant_model": ForeignFlag((), "Pass it to generate() or to pipeline(); model.assist() keeps it."),
    "assistant_tokenizer": ForeignFlag((), "Pass it to generate() or to pipeline(), beside assistant_model."),
    "negative_prompt_ids": ForeignFlag((), "Guidance by a second prompt is not here; say it in the system message."),
    "negative_prompt_attention_mask": ForeignFlag((), "Guidance by a second prompt is not here."),
    "logits_to_keep": ForeignFlag((0, 1), "generate() needs those of the last position; output_logits keeps them."),
    "custom_generate": ForeignFlag((), "There is one loop, the engine's; iterate over model.stream(...) for your own."),
    "synced_gpus": ForeignFlag((False,), "One process runs the model; leave it out."),
    "use_model_defaults": ForeignFlag((True,), "Pass the values you want; they win over the checkpoint's."),
    "inputs_embeds": ForeignFlag((), "Prompts are token ids; pass input_ids."),
    "past_key_values": ForeignFlag(
        (), "Pass the whole prompt: what the engine has read before it does not read again."
    ),
    "position_ids": ForeignFlag((), "Positions follow from the attention mask; leave it out."),
    "token_type_ids": ForeignFlag((), "Decoder models read none; leave it out."),
}


def refuse(name: str, value: Any, flag: ForeignFlag, origin: str = "") -> Unsupported:
    """The error for a foreign flag with a value that asks for something; `origin` says where it was set."""
    from_where = f" (set by {origin})" if origin else ""
    way_out = f" To go on without it pass {name}={flag.neutral[0]!r}." if origin and flag.neutral else ""
    shown = repr(value) if len(repr(value)) <= 60 else f"({type(value).__name__})"  # models and tensors print at length
    return Unsupported(f"{name}={shown}{from_where} is not something Causerie does. {flag.instead}{way_out}")


def refuse_flags(
    kind: str, options: Mapping[str, Any], foreign: Mapping[str, ForeignFlag], known: tuple[str, ...]
) -> None:
    """Raises Unsupported for a foreign flag that asks for something, UnknownName for one that is neither foreign nor
    `known`; `kind` says what they are options of."""
    for name, value in options.items():
        if name not in foreign:
            raise unknown(kind, name, (*known, *foreign))
        if foreign[name].asks(value):
            raise refuse(name, value, foreign[name])
