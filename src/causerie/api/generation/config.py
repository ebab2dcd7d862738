"""`GenerationConfig`: the field's generation flags, by the field's names, each None until it is set.

It checks names and values at once; what the flags come to for one prompt is decided in resolution.py. It knows no
model.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from causerie.api.generation.flag_values import CHECKS, NO_TOKEN
from causerie.api.generation.foreign_flags import FOREIGN, FOREIGN_ARGUMENTS, refuse
from causerie.checkpoint.json_object import read_json_object
from causerie.checkpoint.local_model import is_gguf_file
from causerie.errors import MissingFile, Unsupported, UsageError, about, unknown

if TYPE_CHECKING:  # this module of the checkpoint's brings numpy, and flags are read before anything else
    from causerie.checkpoint.folder import Need

FILE_NAME = "generation_config.json"
_NEEDS: tuple[Need, ...] = ("config",)  # a hub id then costs its small files, not its weights
_TOKEN_IDS = ("bos_token_id", "eos_token_id", "pad_token_id")
_THEIRS = "transformers.generation.configuration_utils.GenerationConfig"
_FULL_NAMES = {"stop": "stop_strings"}
METADATA = frozenset({"transformers_version", "_from_model_config", "_commit_hash"})


@dataclass(init=False, repr=False)
class GenerationConfig:
    """How to continue a prompt. Every field is None, not set, until somebody sets it.

    What is set in several places is taken from the first of: the call's own arguments, the `generation_config` passed
    to it, the checkpoint's generation_config.json, the defaults named below. Unknown names raise UnknownName; flags of
    the field that are not done here raise Unsupported unless their value asks for nothing (num_beams=1).
    """

    max_new_tokens: int | None = None  # new tokens at most; 256 when neither length is set
    max_length: int | None = None  # prompt and answer together, in tokens; max_new_tokens wins over it
    min_new_tokens: int | None = None  # new tokens before the answer may end
    min_length: int | None = None  # tokens of prompt and answer before the answer may end
    max_time: float | None = None  # seconds after which the answer ends
    stop_strings: str | list[str] | None = None  # texts that end the answer; `stop` is another name
    repetition_detection: bool | None = None  # ends an answer that says the same again and again (text/repetition.py)

    do_sample: bool | None = None  # draw tokens at random; off, the likeliest is taken
    temperature: float | None = None  # flattens (above 1) or sharpens (below) the odds; 0 is greedy
    top_k: int | None = None  # draw among this many likeliest tokens; 0 is off, 50 when sampling and not set
    top_p: float | None = None  # draw among the likeliest tokens that together hold this probability
    min_p: float | None = None  # drop tokens less likely than this share of the likeliest
    typical_p: float | None = None  # draw among the most typical tokens that hold this probability
    epsilon_cutoff: float | None = None  # drop tokens below this probability
    eta_cutoff: float | None = None  # drop tokens below a limit that adapts to the entropy
    seed: int | None = None  # same seed, same text; when not set, from the global generator that set_seed seeds

    repetition_penalty: float | None = None  # divides the odds of tokens already in prompt or answer
    presence_penalty: float | None = None  # lowers tokens already in the answer, once each
    frequency_penalty: float | None = None  # lowers tokens already in the answer, each time
    no_repeat_ngram_size: int | None = None  # no run of this many tokens appears twice; 0 is off
    bad_words: list[str] | None = None  # texts that may not appear, however tokens spell them (text/bad_words.py)
    bad_words_ids: list[list[int]] | None = None  # runs of tokens that may not appear
    sequence_bias: dict[tuple[int, ...], float] | None = None  # added to the logit that completes a run of tokens
    logit_bias: dict[int, float] | None = None  # added to the logits of single tokens
    suppress_tokens: list[int] | None = None  # tokens never drawn
    begin_suppress_tokens: list[int] | None = None  # tokens not drawn first
    thinking_budget: int | None = None  # tokens of reasoning; then the model must answer
    response_format: dict[str, Any] | None = None  # what the answer must look like, as OpenAI's clients write it
    renormalize_logits: bool | None = None  # output_scores are log-probabilities; draws are the same

    speculation: str | None = None  # "off", "lookup" or "auto": who guesses tokens that are checked several in a step
    prompt_lookup_num_tokens: int | None = None  # guessed tokens in a step at most; alone it asks for "lookup"
    num_assistant_tokens: int | None = None  # guessed tokens in a step at most, by whomever
    num_assistant_tokens_schedule: str | None = None  # "heuristic" or "heuristic_transient" let that grow and shrink
    assistant_confidence_threshold: float | None = None  # a model that guesses goes no further behind a less likely one
    max_matching_ngram_size: int | None = None  # last tokens at most that are looked up for that

    num_return_sequences: int | None = None  # answers to each prompt
    return_dict_in_generate: bool | None = None  # generate() returns an object instead of bare sequences
    output_scores: bool | None = None  # that object holds the logits after all filters
    output_logits: bool | None = None  # that object holds the model's raw logits
    logprobs: int | None = None  # token events carry log-probabilities, and this many of the likeliest

    bos_token_id: int | None = None  # starts an empty prompt
    eos_token_id: int | list[int] | None = None  # token or tokens that end the answer; [] for none
    pad_token_id: int | None = None  # fills up shorter rows of a batch

    def __init__(self, **flags: Any) -> None:
        object.__setattr__(self, "_foreign", {})
        for name in FLAGS:
            object.__setattr__(self, name, None)
        self._set(flags)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in FLAGS:
            object.__setattr__(self, name, None if value is None else CHECKS[name](name, value))
        elif name in FOREIGN:
            if FOREIGN[name].asks(value):
                raise refuse(name, value, FOREIGN[name])
            self._foreign[name] = value
        elif name in FOREIGN_ARGUMENTS:
            raise UsageError(
                f"{name} is an argument of generate(), not of GenerationConfig. {FOREIGN_ARGUMENTS[name].instead}"
            )
        else:
            raise unknown("generation flag", name, FLAGS)

    def __getattr__(self, name: str) -> Any:
        # The field reads num_beams and the like from any config; not set, they are what asks for nothing.
        if name in FOREIGN:
            foreign: dict[str, Any] = self.__dict__.get("_foreign", {})
            return foreign.get(name)
        raise AttributeError(f"GenerationConfig has no flag {name!r}; it has {', '.join(FLAGS)}")

    def __repr__(self) -> str:
        return f"GenerationConfig({', '.join(f'{name}={value!r}' for name, value in self.to_dict().items())})"

    def update(self, defaults_only: bool = False, allow_custom_entries: bool = False, **flags: Any) -> dict[str, Any]:
        """Sets these flags; None unsets. `stop` is another name of stop_strings. Returns those that were not used:
        names that are no flags and, with `defaults_only`, flags that are set already. Raises UsageError for a value,
        Unsupported for one that asks for what is not done here and for `allow_custom_entries`."""
        if allow_custom_entries:
            raise Unsupported("allow_custom_entries=True keeps names that nothing reads. Leave it out.")
        unused = {
            name: value
            for name, value in flags.items()
            if not _is_flag(name) or (defaults_only and getattr(self, _FULL_NAMES.get(name, name)) is not None)
        }
        self._set({name: value for name, value in flags.items() if name not in unused})
        return unused

    def merged(self, *stronger: GenerationConfig) -> GenerationConfig:
        """A new config: these flags, and over them those that are set in each of `stronger`, the last one strongest."""
        flags = self.to_dict()
        for config in stronger:
            flags |= config.to_dict()
        return GenerationConfig(**flags)

    def without(self, name: str) -> GenerationConfig:
        """A new config that leaves this flag unset."""
        return GenerationConfig(**{other: value for other, value in self.to_dict().items() if other != name})

    def _set(self, flags: Mapping[str, Any]) -> None:
        """Sets these flags. Raises UnknownName, Unsupported, UsageError."""
        if flags.get("stop") is not None and flags.get("stop_strings") is not None:
            raise UsageError("stop and stop_strings are two names of one flag; pass one of them.")
        for name, value in flags.items():
            if name == "stop" and value is None:
                continue
            full = _FULL_NAMES.get(name, name)
            with about(full):
                setattr(self, full, value)

    def to_dict(self) -> dict[str, Any]:
        """The flags that are set."""
        own = {name: getattr(self, name) for name in FLAGS}
        return {name: value for name, value in {**own, **self._foreign}.items() if value is not None}

    def to_diff_dict(self) -> dict[str, Any]:
        """The flags that are set: without one, none is."""
        return self.to_dict()

    @property
    def foreign(self) -> Mapping[str, Any]:
        """Flags of the field that nothing here reads and that somebody set. Those of a checkpoint may ask for
        something; generate() then refuses, unless the caller says otherwise."""
        return dict(self._foreign)

    @classmethod
    def of(cls, config: Any) -> GenerationConfig:
        """A config of ours as it is; of transformers' a copy with the flags that are set in it. Raises UsageError for
        anything else, Unsupported and UnknownName for what it asks."""
        if isinstance(config, cls):
            return config
        kinds = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(config).__mro__]
        if _THEIRS not in kinds:
            raise UsageError(
                f"generation_config is {kinds[0]}; expected causerie.GenerationConfig(…) with the same flags."
            )
        flags = {name: value for name, value in vars(config).items() if not name.startswith("_")}
        return cls(**{name: value for name, value in flags.items() if name not in METADATA})

    def validate(self) -> None:
        """Raises Unsupported for a flag that asks for what is not done here: one of a checkpoint's file may. Values are
        checked when they are set, and what they come to together when text is generated."""
        for name, value in self._foreign.items():
            if FOREIGN[name].asks(value):
                raise refuse(name, value, FOREIGN[name])

    @classmethod
    def from_dict(cls, config_dict: Mapping[str, Any], **flags: Any) -> GenerationConfig:
        """A config with these flags, of which `flags` win; the field's notes of who wrote them are left out."""
        values = {name: value for name, value in config_dict.items() if name not in METADATA}
        return cls(**{**values, **flags})

    @classmethod
    def from_model_config(cls, model_config: Any) -> GenerationConfig:
        """The flags that a model's config.json sets, as of files of before generation_config.json; of transformers'
        configs too."""
        values = model_config.to_dict()
        return cls(**{name: value for name, value in values.items() if name in FLAGS and value is not None})

    @classmethod
    def from_file(cls, path: Path) -> GenerationConfig:
        """A checkpoint's generation_config.json. What its author wrote for other programs must not keep the model from
        loading: keys nobody knows are named in a warning, foreign flags are kept and judged when text is generated."""
        config, strange = cls(), []
        for name, value in read_json_object(path).items():
            if name in FLAGS:
                config._take(name, value, path)
            elif name in FOREIGN:
                config._foreign[name] = value
            elif name not in METADATA:
                strange.append(name)
        if strange:
            warnings.warn(f"{path} sets {', '.join(strange)}, which Causerie does not read; left out.", stacklevel=2)
        return config

    def _take(self, name: str, value: Any, path: Path) -> None:
        """Sets a flag of a checkpoint; a value that cannot be meant is told and left out, as it may never matter."""
        if name in _TOKEN_IDS and value == NO_TOKEN:
            return  # how the first Llama conversions said that there is no such token
        try:
            setattr(self, name, value)
        except UsageError as error:
            warnings.warn(f"{path}: {error} Left out.", stacklevel=3)

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        token: str | None = None,
        **flags: Any,
    ) -> GenerationConfig:
        """The generation_config.json of a model folder or hub id, and over it these flags; MissingFile when it has
        none. Raises UnknownName, Unsupported and UsageError for flags."""
        folder = Path(name_or_path)
        if not (folder / FILE_NAME).is_file():  # a folder of flags alone is no model folder, and is enough here
            from causerie.checkpoint.hub import resolve

            cache = None if cache_dir is None else Path(cache_dir)
            folder = resolve(name_or_path, revision, needs=_NEEDS, offline=local_files_only, token=token, cache=cache)
        if not (folder / FILE_NAME).is_file():
            raise MissingFile(f"{folder} has no {FILE_NAME}. GenerationConfig(...) makes one.")
        config = cls.from_file(folder / FILE_NAME)
        config._set(flags)
        return config

    @classmethod
    def from_checkpoint(cls, folder: Path, config: Mapping[str, Any]) -> GenerationConfig:
        """What the model of `folder` generates with by default: its file, or without one the ids of config.json. Of a
        GGUF file what its metadata says."""
        if (folder / FILE_NAME).is_file():
            return cls.from_file(folder / FILE_NAME)
        said, file = {name: config.get(name) for name in _TOKEN_IDS}, folder / "config.json"
        if is_gguf_file(folder):
            from causerie.api.model_files.gguf_model import gguf_flags

            said, file = gguf_flags(folder), folder
        flags = cls()
        for name, value in said.items():
            flags._take(name, value, file)
        return flags

    def to_json_string(self) -> str:
        """The flags that are set, as generation_config.json has them."""
        stored = self.to_dict()
        for name, value in stored.items():
            if name == "sequence_bias":  # JSON has no tuples as keys
                stored[name] = [[list(word), bias] for word, bias in value.items()]
        return json.dumps(stored, indent=2) + "\n"

    def to_json_file(self, json_file_path: str | Path) -> None:
        """Writes them to this file."""
        Path(json_file_path).write_text(self.to_json_string(), encoding="utf-8")

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes generation_config.json into `folder`, which is made if need be."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.to_json_file(Path(folder) / FILE_NAME)


def _is_flag(name: str) -> bool:
    return name in FLAGS or name in FOREIGN or name in _FULL_NAMES


FLAGS: tuple[str, ...] = tuple(f.name for f in fields(GenerationConfig))
"""Every flag by name, in the order of their declaration."""
