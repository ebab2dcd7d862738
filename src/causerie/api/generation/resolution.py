"""From flags to a decision: what one call of generate() does, in the engine's own terms.

Flags come in levels, the strongest first; everything about precedence is here. Knows no tokenizer and no tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from causerie.api.generation.config import FILE_NAME, FLAGS, GenerationConfig
from causerie.api.generation.flag_values import NO_TOKEN
from causerie.api.generation.foreign_flags import FOREIGN, FOREIGN_ARGUMENTS, refuse
from causerie.api.generation.seeds import draw_seed
from causerie.api.options.speculation import drafters_of
from causerie.decoding.params import SamplingParams
from causerie.errors import ContextLengthError, UsageError, unknown

DEFAULT_NEW_TOKENS = 256
"""New tokens when no length is set anywhere. transformers' generate() has 20, which cuts every chat, and its pipeline
256; one number for both is easier to remember."""
DEFAULT_TOP_K = 50  # the field's, when sampling
_FIRST_DRAFTED = 20  # the field's num_assistant_tokens, where one that grows and shrinks begins

_ARGUMENTS = ("input_ids", "attention_mask", "generation_config", "streamer", "stopping_criteria", "tokenizer", "stop")
_DRAWING = ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
_OFF = {
    "temperature": 0.0,
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.0,
    "typical_p": 1.0,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
}
_PENALTIES = ("repetition_penalty", "presence_penalty", "frequency_penalty")
_HARMLESS = {
    "temperature": (0.0, 1.0),
    "top_k": (0, DEFAULT_TOP_K),
}  # beside do_sample=False: off, or the field's default


@dataclass(frozen=True)
class Generation:
    """One call of generate(), decided. `params` says all but the seeds, which `each` gives."""

    params: SamplingParams
    seed: int | None  # as somebody chose it
    sequences: int = 1  # answers per prompt
    stop_strings: tuple[str, ...] = ()
    repetition_detection: bool = False
    bad_words: tuple[str, ...] = ()
    response_format: Mapping[str, Any] | None = None
    thinking_budget: int | None = None  # tokens of reasoning
    pad: int = 0
    fills_context: bool = False  # it is the context, and no length that the caller chose, that ends a long answer
    return_dict: bool = False
    renormalize: bool = False

    def each(self, prompts: int) -> list[SamplingParams]:
        """The parameters of every sequence, prompt by prompt. With a chosen seed the i-th answer of each prompt has
        seed + i, so that a prompt's answers do not depend on its neighbours; otherwise every sampled sequence draws
        its own from the global generator (see seeds.py)."""
        indices = [index for _ in range(prompts) for index in range(self.sequences)]
        return [replace(self.params, seed=self._seed(index)) for index in indices]

    def _seed(self, index: int) -> int:
        if self.seed is not None:
            return self.seed + index
        return 0 if self.params.greedy else draw_seed()  # a greedy answer leaves the caller's generator alone


@dataclass(frozen=True)
class Flags:
    """The levels of one call. Each is a GenerationConfig; None in one leaves the word to the next."""

    call: GenerationConfig = field(default_factory=GenerationConfig)
    passed: GenerationConfig | None = None
    checkpoint: GenerationConfig = field(default_factory=GenerationConfig)
    fallback: GenerationConfig | None = None  # defaults of whoever calls for the caller, e.g. the pipeline
    drawing_implies_sampling: bool = False
    """Whether who sets a temperature, top_k, top_p or the like means to sample, and who sets one beside do_sample=False
    is mistaken. For people at a terminal and clients of the server; in Python do_sample decides, as in the field."""

    def __post_init__(self) -> None:
        if self.passed is not None:
            object.__setattr__(self, "passed", GenerationConfig.of(self.passed))

    @property
    def levels(self) -> tuple[GenerationConfig, ...]:
        """Strongest first."""
        return tuple(level for level in (self.call, self.passed, self.checkpoint, self.fallback) if level is not None)

    @property
    def asked(self) -> tuple[GenerationConfig, ...]:
        """The levels that the caller wrote, strongest first."""
        return tuple(level for level in (self.call, self.passed) if level is not None)

    @property
    def without_effect(self) -> dict[str, float]:
        """The drawing flags that the caller set and that nothing reads, because the answer is greedy."""
        if self.drawing_implies_sampling or self.get("do_sample", False) or self.get("temperature") == 0.0:
            return {}
        _, drawing = _asked_to_sample(self)
        return {name: value for name, value in drawing.items() if not _is_harmless(name, value)}

    @property
    def outvoted_lengths(self) -> list[tuple[str, str]]:
        """Lengths that the caller set and nothing reads, each with the one that decides: of two names of a length the
        one in new tokens wins at its level, and a stronger level's over a weaker one's."""
        outvoted: list[tuple[str, str]] = []
        for names in (("max_new_tokens", "max_length"), ("min_new_tokens", "min_length")):
            set_here = [name for level in self.asked for name in names if getattr(level, name) is not None]
            outvoted += [(name, set_here[0]) for name in names if name in set_here[1:] and name != set_here[0]]
        return outvoted

    @property
    def padding(self) -> int | None:
        """The token that is padding wherever it stands in a prompt; None where it also ends answers (as the field)."""
        pad: int | None = self.get("pad_token_id")
        return None if pad is None or pad in _ids(self.get("eos_token_id", [])) else pad

    @property
    def has_form(self) -> bool:
        """Whether answers are held to a response_format."""
        form = self.get("response_format")
        return form is not None and form.get("type") != "text"

    def get(self, name: str, default: Any = None) -> Any:
        """The strongest value of a flag."""
        return next((value for level in self.levels if (value := getattr(level, name)) is not None), default)


def call_flags(flags: Mapping[str, Any]) -> GenerationConfig:
    """The flags of one call; arguments of the field's generate() that are not flags pass if they ask for nothing.
    Raises Unsupported and UnknownName."""
    for name in flags:
        if name not in FLAGS and name not in FOREIGN and name not in FOREIGN_ARGUMENTS and name != "stop":
            raise unknown("argument of generate()", name, (*FLAGS, *_ARGUMENTS))
    refuse_arguments({name: value for name, value in flags.items() if name in FOREIGN_ARGUMENTS})
    return GenerationConfig(**{name: value for name, value in flags.items() if name not in FOREIGN_ARGUMENTS})


def refuse_arguments(arguments: Mapping[str, Any], known: Sequence[str] = ()) -> None:
    """Raises Unsupported for an argument that asks for what is not done here, UnknownName for one nobody knows."""
    for name, value in arguments.items():
        if name not in FOREIGN_ARGUMENTS:
            raise unknown("argument", name, known)
        if FOREIGN_ARGUMENTS[name].asks(value):
            raise refuse(name, value, FOREIGN_ARGUMENTS[name])


def resolve(
    flags: Flags, *, prompt_length: int, context: int, longest: int | None = None, default_eos: Sequence[int] = ()
) -> Generation:
    """Decides one call for a model of `context` tokens. `prompt_length` is what max_length counts, the padded length of
    a batch; `longest` its longest prompt without padding, where that is less.

    Sampling: as do_sample says, off where no level sets it, and off at temperature 0; where `flags` let drawing flags
    imply it, it is also on if the caller set one of these and not do_sample. `default_eos` ends answers where no level
    says what does. Raises ContextLengthError, Unsupported, UsageError.
    """
    _refuse_foreign(flags)
    eos = _ids(flags.get("eos_token_id", list(default_eos)))
    room = _room(longest or prompt_length, context)
    limit, fills_context = _new_tokens(flags, prompt_length, room)
    params = SamplingParams(
        max_tokens=limit,
        min_tokens=_least_tokens(flags, prompt_length, limit),
        eos=eos,
        **_sampling(flags),
        **_filters(flags, eos),
        **_guessing(flags),
        max_time=flags.get("max_time"),
        logprobs=flags.get("logprobs"),
        keep_logits=_output(flags, "output_logits"),
        keep_scores=_output(flags, "output_scores"),
    )
    stops = flags.get("stop_strings", ())
    return Generation(
        params=params,
        seed=flags.get("seed"),
        sequences=_sequences(flags, params),
        stop_strings=(stops,) if isinstance(stops, str) else tuple(stops),
        repetition_detection=flags.get("repetition_detection", False),
        bad_words=tuple(flags.get("bad_words", ())),
        response_format=flags.get("response_format"),
        thinking_budget=flags.get("thinking_budget"),
        pad=flags.get("pad_token_id", eos[0] if eos else 0),
        fills_context=fills_context,
        return_dict=flags.get("return_dict_in_generate", False),
        renormalize=flags.get("renormalize_logits", False),
    )


def own_values(checkpoint: GenerationConfig) -> dict[str, float | None]:
    """What the flags that people turn come to where nobody sets one, for a checkpoint and those whose drawing flags
    imply sampling; None is no limit. What is drawn among is told even where the likeliest token is taken: it holds once
    a temperature is set."""
    flags = Flags(checkpoint=checkpoint, drawing_implies_sampling=True)
    sampling = _sampling(flags)
    values: dict[str, float | None] = {
        "max_new_tokens": flags.get("max_new_tokens"),
        "temperature": sampling["temperature"],
        "top_k": flags.get("top_k", DEFAULT_TOP_K),
        "top_p": flags.get("top_p", _OFF["top_p"]),
        "min_p": flags.get("min_p", _OFF["min_p"]),
    }
    penalties = _filters(flags, ())
    return values | {name: penalties[name] for name in _PENALTIES}


def _filters(flags: Flags, eos: tuple[int, ...]) -> dict[str, Any]:
    # The field lets an end token end the answer even where it is listed as a bad word.
    bad_words = (tuple(word) for word in flags.get("bad_words_ids", ()) if len(word) > 1 or word[0] not in eos)
    return {
        "repetition_penalty": flags.get("repetition_penalty", 1.0),
        "presence_penalty": flags.get("presence_penalty", 0.0),
        "frequency_penalty": flags.get("frequency_penalty", 0.0),
        "no_repeat_ngram_size": flags.get("no_repeat_ngram_size", 0),
        "logit_bias": tuple(flags.get("logit_bias", {}).items()),
        "sequence_bias": tuple(flags.get("sequence_bias", {}).items()),
        "bad_words": tuple(bad_words),
        "suppress_tokens": tuple(flags.get("suppress_tokens", ())),
        "begin_suppress_tokens": tuple(flags.get("begin_suppress_tokens", ())),
    }


def _guessing(flags: Flags) -> dict[str, Any]:
    """Who may guess tokens, how many, and by how long a match. Raises UsageError."""
    most, longest = flags.get("prompt_lookup_num_tokens"), flags.get("max_matching_ngram_size")
    word = flags.get("speculation", "auto" if most is None else "lookup")
    for level in flags.asked:
        if word == "off" and level.prompt_lookup_num_tokens is not None:
            raise UsageError(
                "speculation='off' guesses nothing, so prompt_lookup_num_tokens would do nothing. Leave one out.",
                field="prompt_lookup_num_tokens",
            )
    bounds = [each for each in (most, flags.get("num_assistant_tokens")) if each is not None]
    schedule = flags.get("num_assistant_tokens_schedule", "constant")
    return {
        "drafters": drafters_of(word),
        "most_drafted": min(bounds, default=None if schedule == "constant" else _FIRST_DRAFTED),
        "drafted_schedule": schedule,
        "least_confidence": flags.get("assistant_confidence_threshold", 0.0),
        "longest_match": longest,
    }


def _refuse_foreign(flags: Flags) -> None:
    """A caller's foreign flags were judged when they were set; this is for what a checkpoint's file asks."""
    said = {name for level in flags.asked for name, value in level.foreign.items() if value is not None}
    for name, value in flags.checkpoint.foreign.items():
        flag = FOREIGN[name]
        if name not in said and not flag.exact and flag.asks(value):
            raise refuse(name, value, flag, origin=f"the model's {FILE_NAME}")


def _ids(value: int | list[int]) -> tuple[int, ...]:
    """Token ids; -1, the field's way to say that there is no such token, is none."""
    listed = [value] if isinstance(value, int) else value
    return tuple(token for token in listed if token != NO_TOKEN)


def _room(prompt: int, context: int) -> int:
    if prompt >= context:
        raise ContextLengthError(
            f"The prompt has {prompt} tokens and the model's context is {context}, which leaves no room for an answer. "
            "Shorten the prompt, or start a new chat."
        )
    return context - prompt


def _new_tokens(flags: Flags, prompt: int, room: int) -> tuple[int, bool]:
    """How many new tokens at most, and whether that is the context's doing. A stronger level's max_length beats a
    weaker one's max_new_tokens."""
    for level in flags.levels:
        length = _length(flags, level, prompt)
        if length is not None:
            explicit = any(level is asked for asked in flags.asked)
            # A checkpoint's max_length is often its context, and then no choice of anybody.
            return min(length, room), length > room or (length == room and not explicit)
    least = max(DEFAULT_NEW_TOKENS, flags.get("min_new_tokens", 0))
    return min(least, room), least > room


def _length(flags: Flags, level: GenerationConfig, prompt: int) -> int | None:
    """How many new tokens a level allows; None where it sets no length."""
    if level.max_new_tokens is not None or level.max_length is None:
        return level.max_new_tokens
    if level.max_length <= prompt:
        origin = f" (set by the model's {FILE_NAME})" if level is flags.checkpoint else ""
        raise UsageError(
            f"max_length={level.max_length}{origin} counts the prompt, which alone has {prompt} tokens. "
            "Raise it, or set max_new_tokens.",
            field="max_length",
        )
    return level.max_length - prompt


def _least_tokens(flags: Flags, prompt: int, limit: int) -> int:
    """How many new tokens at least; the strongest level that names either flag decides, as for the most."""
    for level in flags.levels:
        if level.min_new_tokens is None and level.min_length is None:
            continue
        name = "min_length" if level.min_new_tokens is None else "min_new_tokens"
        least = max(0, (level.min_length or 0) - prompt) if level.min_new_tokens is None else level.min_new_tokens
        most = 0 if flags.has_form else limit
        if least <= most:
            return least
        if not any(level is asked for asked in flags.asked):
            return most  # what a checkpoint wishes yields to the length or the form that the caller chose
        if flags.has_form:
            raise UsageError(
                f"{name}={getattr(level, name)} and a response_format contradict each other: the form says where the "
                f"answer ends. Leave {name} out.",
                field=name,
            )
        raise UsageError(
            f"The answer must have at least {least} new tokens and may have at most {limit}. "
            "Lower min_new_tokens (or min_length), or raise max_new_tokens.",
            field=name,
        )
    return 0


def _sampling(flags: Flags) -> dict[str, Any]:
    """The drawing parameters by SamplingParams' names; nothing but temperature 0 when greedy."""
    sampled = flags.get("do_sample", False)
    if flags.drawing_implies_sampling:
        sampled = _implied_sampling(flags, sampled)
    temperature = flags.get("temperature", 1.0)
    if not sampled or temperature == 0.0:
        return {"temperature": 0.0}
    drawing = {name: flags.get(name, _OFF[name]) for name in _DRAWING[2:]}
    return {"temperature": temperature, "top_k": flags.get("top_k", DEFAULT_TOP_K), **drawing}


def _implied_sampling(flags: Flags, otherwise: bool) -> bool:
    """Whether to sample, for a caller whose drawing flags speak for themselves. Raises UsageError where they contradict
    a do_sample=False."""
    decided, drawing = _asked_to_sample(flags)
    if decided is not None:
        for name, value in drawing.items():
            if not decided and not _is_harmless(name, value):
                raise UsageError(
                    f"do_sample=False always takes the likeliest token, so {name}={value:g} would do nothing. "
                    f"Leave {name} out or set do_sample=True.",
                    field=name,
                )
        return decided
    return otherwise or any(value != _OFF[name] for name, value in drawing.items())


def _is_harmless(name: str, value: float) -> bool:
    """Whether nobody misses a drawing flag with this value when the likeliest token is taken."""
    return value in _HARMLESS.get(name, (_OFF[name],))


def _asked_to_sample(flags: Flags) -> tuple[bool | None, dict[str, float]]:
    """The caller's do_sample, and the drawing flags set at its level or above: only those can contradict it."""
    decided: bool | None = None
    drawing: dict[str, float] = {}
    for level in flags.asked:
        for name in _DRAWING:
            value = getattr(level, name)
            if value is not None:
                drawing.setdefault(name, value)
        decided = level.do_sample
        if decided is not None:
            break
    return decided, drawing


def _output(flags: Flags, name: str) -> bool:
    """Whether generate() keeps this output; asking for it without an object to hold it is a mistake."""
    value: bool = flags.get(name, False)
    if value and not flags.get("return_dict_in_generate", False):
        if any(getattr(level, name) for level in flags.asked):
            raise UsageError(f"{name}=True needs return_dict_in_generate=True, which returns the object that holds it.")
        return False
    return value


def _sequences(flags: Flags, params: SamplingParams) -> int:
    sequences: int = flags.get("num_return_sequences", 1)
    if sequences > 1 and params.greedy:
        reason = "do_sample=False" if flags.get("do_sample") is False else "Greedy decoding, the default here,"
        if flags.get("temperature") == 0.0:
            reason = "temperature=0"
        raise UsageError(
            f"{reason} with num_return_sequences={sequences} would return {sequences} identical texts. "
            "Set do_sample=True and a temperature above 0."
        )
    return sequences
