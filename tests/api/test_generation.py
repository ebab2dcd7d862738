"""GenerationConfig and what a call's flags come to: names, values, precedence, and what is refused. No model."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from causerie import GenerationConfig
from causerie.api.generation.config import FLAGS
from causerie.api.generation.flag_values import CHECKS
from causerie.api.generation.foreign_flags import FOREIGN, FOREIGN_ARGUMENTS
from causerie.api.generation.notices import warn_of_flags_without_effect
from causerie.api.generation.resolution import Flags, Generation, resolve
from causerie.errors import ContextLengthError, UnknownName, Unsupported, UsageError

OURS = {
    "response_format",
    "thinking_budget",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "bad_words",
    "repetition_detection",
    "speculation",
}


def decide(
    call: dict[str, Any] | None = None,
    passed: GenerationConfig | None = None,
    checkpoint: GenerationConfig | None = None,
    fallback: GenerationConfig | None = None,
    prompt: int = 10,
    context: int = 1000,
) -> Generation:
    flags = Flags(GenerationConfig(**(call or {})), passed, checkpoint or GenerationConfig(), fallback)
    return resolve(flags, prompt_length=prompt, context=context)


def test_every_flag_of_the_field_is_known() -> None:
    theirs = {name for name in vars(transformers.GenerationConfig()) if not name.startswith("_")}
    theirs -= {"transformers_version"}
    assert theirs == (set(FLAGS) - OURS) | set(FOREIGN)
    assert set(CHECKS) == set(FLAGS) == {field.name for field in dataclasses.fields(GenerationConfig)}
    assert not set(FOREIGN) & set(FLAGS) and not set(FOREIGN_ARGUMENTS) & (set(FLAGS) | set(FOREIGN))


def test_the_fields_own_defaults_are_accepted() -> None:
    defaults = transformers.GenerationConfig._get_default_generation_params()
    config = GenerationConfig(**defaults)
    assert config.top_k == 50 and config.num_beams == 1
    assert decide(defaults | {"max_length": 30, "top_k": None}).params.greedy


@pytest.mark.parametrize(
    ("flags", "error", "words"),
    [
        ({"temprature": 1}, UnknownName, ["'temprature'", "temperature"]),
        ({"num_beams": 4}, Unsupported, ["num_beams=4", "num_return_sequences"]),
        ({"guidance_scale": 2.5}, Unsupported, ["guidance_scale=2.5", "system message"]),
        ({"watermarking_config": {"bias": 1}}, Unsupported, ["watermarking_config"]),
        ({"num_assistant_tokens": 0}, UsageError, ["num_assistant_tokens is 0", "at least 1"]),
        ({"prompt_lookup_num_tokens": 0}, UsageError, ["prompt_lookup_num_tokens is 0", "at least 1"]),
        ({"speculation": "draft"}, UsageError, ["speculation is 'draft'", "'auto', 'off', 'lookup'"]),
        ({"use_cache": "no"}, Unsupported, ["use_cache='no'", "True or False"]),
        ({"cache_implementation": "static"}, Unsupported, ["'static'"]),
        ({"response_format": "json"}, UsageError, ["response_format", "an object with a type"]),
        ({"assistant_model": object()}, UsageError, ["argument of generate()"]),
        ({"temperature": "0.7"}, UsageError, ["temperature is '0.7'", "number from 0 to 1000"]),
        ({"temperature": -0.1}, UsageError, ["-0.1"]),
        ({"temperature": float("nan")}, UsageError, ["nan"]),
        ({"top_p": 1.5}, UsageError, ["top_p is 1.5", "from 0 to 1"]),
        ({"top_k": 2.5}, UsageError, ["top_k is 2.5", "whole number"]),
        ({"max_new_tokens": 0}, UsageError, ["at least 1"]),
        ({"max_new_tokens": True}, UsageError, ["True"]),
        ({"do_sample": "yes"}, UsageError, ["True or False"]),
        ({"stop_strings": ["a", ""]}, UsageError, ["non-empty"]),
        ({"stop": "a", "stop_strings": "b"}, UsageError, ["two names"]),
        ({"eos_token_id": "</s>"}, UsageError, ["token id"]),
        ({"bad_words_ids": [[]]}, UsageError, ["non-empty lists"]),
        ({"logit_bias": [1, 2]}, UsageError, ["dict from token ids"]),
    ],
)
def test_refused(flags: dict[str, Any], error: type[Exception], words: list[str]) -> None:
    with pytest.raises(error) as caught:
        GenerationConfig(**flags)
    assert all(word in str(caught.value) for word in words), caught.value


def test_a_typo_in_an_assignment_is_refused() -> None:
    config = GenerationConfig()
    with pytest.raises(UnknownName):
        config.temprature = 0.5
    config.pad_token_id = 3
    assert config.to_dict() == {"pad_token_id": 3}


def test_files_round_trip(tmp_path: Any) -> None:
    config = GenerationConfig(
        temperature=0.6, eos_token_id=[1, 2], stop="END", sequence_bias={(1, 2): -3.0}, logit_bias={"7": 1}, num_beams=1
    )
    config.save_pretrained(tmp_path)
    again = GenerationConfig.from_pretrained(tmp_path)
    assert again == config and again.sequence_bias == {(1, 2): -3.0} and again.logit_bias == {7: 1.0}
    assert transformers.GenerationConfig.from_pretrained(tmp_path).eos_token_id == [1, 2]


def test_a_config_as_text_as_a_mapping_and_with_more_flags(tmp_path: Path) -> None:
    flags: dict[str, Any] = {"max_new_tokens": 7, "temperature": 0.5, "eos_token_id": [1, 2], "do_sample": True}
    config = GenerationConfig(**flags)
    assert json.loads(config.to_json_string()) == flags
    theirs = transformers.GenerationConfig(**flags)
    assert GenerationConfig.from_dict(json.loads(theirs.to_json_string())) == config  # with their version's number
    assert transformers.GenerationConfig.from_dict(json.loads(config.to_json_string())).temperature == 0.5
    assert GenerationConfig.from_dict(flags, temperature=0.9).temperature == 0.9
    config.to_json_file(tmp_path / "generation_config.json")
    again = GenerationConfig.from_pretrained(tmp_path, local_files_only=True, max_new_tokens=9, top_k=3)
    assert again.to_dict() == {**flags, "max_new_tokens": 9, "top_k": 3}
    with pytest.raises(UnknownName, match="topk"):
        GenerationConfig.from_pretrained(tmp_path, topk=3)
    again.validate()


def test_what_a_checkpoint_asks_in_vain_is_told_by_validate(tmp_path: Path) -> None:
    (tmp_path / "generation_config.json").write_text(json.dumps({"num_beams": 4, "top_k": 3}))
    config = GenerationConfig.from_pretrained(tmp_path)
    with pytest.raises(Unsupported, match="num_beams"):
        config.validate()


def test_a_checkpoints_file_does_not_keep_it_from_loading(tmp_path: Any) -> None:
    stored = {"num_beams": 4, "length_penalty": 2.0, "cache_implementation": "hybrid", "chat_format": "chatml"}
    (tmp_path / "generation_config.json").write_text(json.dumps(stored | {"transformers_version": "4.40"}))
    with pytest.warns(UserWarning, match="sets chat_format, which Causerie does not read"):
        config = GenerationConfig.from_pretrained(tmp_path)
    with pytest.raises(
        Unsupported, match=r"num_beams=4 \(set by the model's generation_config.json\).*pass num_beams=1"
    ):
        decide(checkpoint=config)
    assert decide({"num_beams": 1}, checkpoint=config).params.max_tokens == 256


def test_values_that_cannot_be_meant_are_told_and_left_out(tmp_path: Any) -> None:
    stored = {"pad_token_id": -1, "top_p": 7, "eos_token_id": 2}
    (tmp_path / "generation_config.json").write_text(json.dumps(stored))
    with pytest.warns(UserWarning, match=r"generation_config.json: top_p is 7; it must be .* Left out") as told:
        config = GenerationConfig.from_pretrained(tmp_path)
    assert len(told) == 1  # -1 is how old conversions say that there is no padding token
    assert config == GenerationConfig(eos_token_id=2)
    (tmp_path / "generation_config.json").unlink()
    with pytest.warns(UserWarning, match="config.json: bos_token_id is 'x'"):
        config = GenerationConfig.from_checkpoint(tmp_path, stored | {"bos_token_id": "x"})
    assert config == GenerationConfig(eos_token_id=2)


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_a_broken_file_is_named(tmp_path: Any, text: str) -> None:
    (tmp_path / "generation_config.json").write_text(text)
    with pytest.raises(OSError, match=r"generation_config\.json"):
        GenerationConfig.from_pretrained(tmp_path)


def test_levels() -> None:
    file = GenerationConfig(max_new_tokens=1, repetition_penalty=1.1, eos_token_id=[4, 5], pad_token_id=9)
    passed = GenerationConfig(max_new_tokens=2, repetition_penalty=1.2)
    decided = decide({"max_new_tokens": 3}, passed, file)
    assert decided.params.max_tokens == 3
    assert decided.params.repetition_penalty == 1.2
    assert decided.params.eos == (4, 5) and decided.pad == 9
    assert decide(checkpoint=GenerationConfig(eos_token_id=4)).pad == 4


@pytest.mark.parametrize(
    ("call", "file", "expected"),
    [
        ({}, {}, 256),
        ({"max_length": 30}, {}, 20),
        ({"max_length": 30}, {"max_new_tokens": 7}, 20),  # the stronger level, whichever it names
        ({"max_new_tokens": 5, "max_length": 30}, {}, 5),
        ({}, {"max_length": 4096}, 990),  # never beyond the context
        ({"max_new_tokens": 5000}, {}, 990),
    ],
)
def test_lengths(call: dict[str, Any], file: dict[str, Any], expected: int) -> None:
    assert decide(call, checkpoint=GenerationConfig(**file)).params.max_tokens == expected


def test_lengths_refused() -> None:
    with pytest.raises(ContextLengthError, match=r"1000 tokens.*context is 1000"):
        decide(prompt=1000)
    with pytest.raises(UsageError, match=r"max_length=10 counts the prompt.*10 tokens"):
        decide({"max_length": 10})
    with pytest.raises(UsageError, match="at least 20 new tokens and may have at most 5"):
        decide({"min_new_tokens": 20, "max_new_tokens": 5})
    with pytest.raises(UsageError, match=r"max_length=10 \(set by the model's generation_config.json\)"):
        decide(checkpoint=GenerationConfig(max_length=10))
    with pytest.raises(UsageError, match="at least 15 new tokens"):
        decide({"min_length": 25, "max_new_tokens": 5}, checkpoint=GenerationConfig(min_new_tokens=0, min_length=3))
    assert decide({"min_length": 15}).params.min_tokens == 5
    assert decide({"min_new_tokens": 300}).params.max_tokens == 300


@pytest.mark.parametrize("file", [{"min_length": 40}, {"min_new_tokens": 30}])
def test_a_checkpoints_minimum_yields_to_the_callers_maximum(file: dict[str, Any]) -> None:
    params = decide({"max_new_tokens": 5}, checkpoint=GenerationConfig(**file)).params
    assert (params.min_tokens, params.max_tokens) == (5, 5)
    assert decide(checkpoint=GenerationConfig(**file)).params.min_tokens == 30


@pytest.mark.parametrize(
    ("call", "passed", "file", "expected"),
    [
        ({}, {}, {}, 0.0),
        ({"temperature": 0.1}, {}, {}, 0.0),  # as the field: do_sample decides
        ({"temperature": 0.1}, {}, {"do_sample": True}, 0.1),
        ({"top_k": 5}, {}, {}, 0.0),
        ({"top_k": 5}, {}, {"do_sample": True}, 1.0),
        ({"top_p": 1.0}, {}, {}, 0.0),  # off is not a wish
        ({"temperature": 0}, {}, {"do_sample": True, "temperature": 0.6}, 0.0),
        ({}, {}, {"do_sample": True, "temperature": 0.6}, 0.6),
        ({}, {}, {"temperature": 0.6}, 0.0),  # as the field: a file's temperature alone does not sample
        ({"do_sample": False}, {}, {"do_sample": True, "temperature": 0.6}, 0.0),
        ({"do_sample": True}, {}, {"temperature": 0.6}, 0.6),
        ({"do_sample": False}, {"temperature": 0.6}, {}, 0.0),
        ({}, {"temperature": 0.6}, {"do_sample": False}, 0.0),
        ({"do_sample": True, "temperature": 0}, {}, {}, 0.0),
        ({"do_sample": False, "temperature": 0.7}, {}, {}, 0.0),
        ({"do_sample": False, "temperature": 1.0, "top_k": 50}, {}, {}, 0.0),  # the field's defaults, spelled out
    ],
)
def test_when_it_samples(call: dict[str, Any], passed: dict[str, Any], file: dict[str, Any], expected: float) -> None:
    decided = decide(call, GenerationConfig(**passed) if passed else None, GenerationConfig(**file))
    assert decided.params.temperature == expected
    assert decided.params.top_k == (0 if expected == 0 else call.get("top_k", 50))


@pytest.mark.parametrize(
    ("call", "passed", "file", "expected"),
    [
        ({"temperature": 0.1}, {}, {}, 0.1),
        ({"temperature": 1.0}, {}, {}, 1.0),
        ({"top_k": 5}, {}, {}, 1.0),
        ({"top_p": 1.0}, {}, {}, 0.0),  # off is not a wish
        ({"temperature": 0}, {}, {"do_sample": True, "temperature": 0.6}, 0.0),
        ({}, {"temperature": 0.6}, {"do_sample": False}, 0.6),
        ({}, {}, {"do_sample": False, "temperature": 0.6}, 0.0),
        ({"do_sample": False, "temperature": 1.0, "top_k": 50}, {}, {}, 0.0),
    ],
)
def test_a_lone_temperature_samples_for_the_terminal_and_the_server(
    call: dict[str, Any], passed: dict[str, Any], file: dict[str, Any], expected: float
) -> None:
    levels = GenerationConfig(**call), GenerationConfig(**passed) if passed else None, GenerationConfig(**file)
    flags = Flags(*levels, drawing_implies_sampling=True)
    assert resolve(flags, prompt_length=10, context=1000).params.temperature == expected
    assert not flags.without_effect


@pytest.mark.parametrize(
    ("call", "passed", "file", "named"),
    [
        ({"temperature": 0.1, "top_p": 0.9}, {}, {}, {"temperature": 0.1, "top_p": 0.9}),
        ({"temperature": 0.7, "do_sample": False}, {}, {"do_sample": True}, {"temperature": 0.7}),
        ({}, {"top_k": 7}, {}, {"top_k": 7}),
        ({"do_sample": False}, {"temperature": 0.6}, {}, {}),  # what a weaker level says is not the call's mistake
        ({"do_sample": False}, {}, {"temperature": 0.6}, {}),
        ({"temperature": 1.0, "top_k": 50, "top_p": 1.0}, {}, {}, {}),
        ({"temperature": 0.0, "top_p": 0.9}, {}, {}, {}),  # asked to be greedy
        ({"temperature": 0.7}, {}, {"do_sample": True}, {}),
    ],
)
def test_flags_without_effect(
    call: dict[str, Any], passed: dict[str, Any], file: dict[str, Any], named: dict[str, float]
) -> None:
    flags = Flags(GenerationConfig(**call), GenerationConfig(**passed) if passed else None, GenerationConfig(**file))
    assert flags.without_effect == named


def test_contradictions() -> None:
    for call, passed, words in (
        ({"do_sample": False, "temperature": 0.7}, None, r"do_sample=False.*temperature=0.7 would do nothing"),
        ({"top_p": 0.9}, GenerationConfig(do_sample=False), r"top_p=0.9 would do nothing"),
    ):
        with pytest.raises(UsageError, match=words):
            resolve(Flags(GenerationConfig(**call), passed, drawing_implies_sampling=True), prompt_length=1, context=9)
    with pytest.raises(UsageError, match=r"^temperature=0 with num_return_sequences=3 would return three|3 identical"):
        decide({"temperature": 0, "num_return_sequences": 3})
    with pytest.raises(UsageError, match=r"Greedy decoding, the default here, with num_return_sequences=2"):
        decide({"num_return_sequences": 2})
    with pytest.raises(UsageError, match="output_scores=True needs return_dict_in_generate=True"):
        decide({"output_scores": True})


def test_the_callers_defaults_come_last() -> None:
    pipeline = GenerationConfig(max_new_tokens=64, do_sample=True, temperature=0.7)
    assert decide(fallback=pipeline).params.temperature == 0.7
    assert decide({"do_sample": False}, fallback=pipeline).params.temperature == 0.0
    assert decide({"temperature": 0}, fallback=pipeline).params.temperature == 0.0
    assert decide({"max_length": 20}, fallback=pipeline).params.max_tokens == 10
    assert decide(checkpoint=GenerationConfig(do_sample=False), fallback=pipeline).params.greedy


def test_seeds() -> None:
    chosen = decide({"seed": 5, "do_sample": True, "num_return_sequences": 3})
    assert [params.seed for params in chosen.each(2)] == [5, 6, 7, 5, 6, 7]
    fresh = decide({"do_sample": True, "num_return_sequences": 3}).each(2)
    assert len({params.seed for params in fresh}) == 6


def test_an_end_token_of_minus_one_ends_nothing() -> None:
    assert decide({"eos_token_id": -1}, checkpoint=GenerationConfig(eos_token_id=4)).params.eos == ()
    assert decide({"eos_token_id": [5, -1]}).params.eos == (5,)
    with pytest.raises(UsageError, match="eos_token_id is -2"):
        GenerationConfig(eos_token_id=-2)


@pytest.mark.parametrize(
    ("call", "file", "expected"),
    [
        ({"max_new_tokens": 5}, {}, False),
        ({"max_new_tokens": 990}, {}, False),  # exactly what was asked for
        ({"max_new_tokens": 991}, {}, True),
        ({"max_length": 1000}, {}, False),
        ({}, {"max_length": 1000}, True),  # a checkpoint's is its context
        ({}, {}, False),
    ],
)
def test_whose_length_ends_an_answer(call: dict[str, Any], file: dict[str, Any], expected: bool) -> None:
    assert decide(call, checkpoint=GenerationConfig(**file)).fills_context is expected


def test_bad_words_never_forbid_the_end() -> None:
    decided = decide({"bad_words_ids": [[4], [5], [4, 5]], "eos_token_id": 4})
    assert decided.params.bad_words == ((5,), (4, 5))


def test_update_returns_what_it_did_not_use() -> None:
    changes: dict[str, Any] = {"temperature": 0.5, "output_logitz": True, "logits_processor": [], "top_k": 3}
    for options in ({}, {"defaults_only": True}):
        ours, theirs = GenerationConfig(top_k=9), transformers.GenerationConfig(top_k=9)
        assert ours.update(**options, **changes) == theirs.update(**options, **changes)
        assert (ours.temperature, ours.top_k) == (theirs.temperature, theirs.top_k)
    assert GenerationConfig().update(stop="###") == {}
    with pytest.raises(Unsupported, match="allow_custom_entries"):
        GenerationConfig().update(allow_custom_entries=True, mine=1)
    with pytest.raises(Unsupported, match="num_beams"):
        GenerationConfig().update(num_beams=4)
    with pytest.raises(UnknownName):
        GenerationConfig(output_logitz=True)


def test_end_tokens_may_be_a_tensor() -> None:
    assert GenerationConfig(eos_token_id=torch.tensor([3, 4])).eos_token_id == [3, 4]
    assert GenerationConfig(eos_token_id=torch.tensor(3)).eos_token_id == 3
    assert GenerationConfig(suppress_tokens=torch.tensor([3, 4])).suppress_tokens == [3, 4]
    for wrong in (torch.tensor([0.5]), torch.tensor([True]), torch.tensor([[3]])):
        with pytest.raises(UsageError, match="eos_token_id"):
            GenerationConfig(eos_token_id=wrong)


def test_two_lengths_are_told() -> None:
    with pytest.warns(UserWarning, match="max_length=40 has no effect: max_new_tokens=5 is set too and decides"):
        warn_of_flags_without_effect(Flags(GenerationConfig(max_new_tokens=5, max_length=40)))
    with pytest.warns(UserWarning, match="max_new_tokens=5 has no effect: max_length=40"):
        warn_of_flags_without_effect(Flags(GenerationConfig(max_length=40), GenerationConfig(max_new_tokens=5)))
    with pytest.warns(UserWarning, match="min_length=9 has no effect: min_new_tokens=5"):
        warn_of_flags_without_effect(Flags(GenerationConfig(min_length=9, min_new_tokens=5)))
    # What a call sets over a config or a checkpoint is meant to outvote it.
    warn_of_flags_without_effect(Flags(GenerationConfig(max_length=40), GenerationConfig(max_length=50)))
    warn_of_flags_without_effect(Flags(GenerationConfig(max_new_tokens=5), None, GenerationConfig(max_length=40)))


def test_configs_are_merged_flag_by_flag() -> None:
    merged = GenerationConfig(top_k=3, seed=1).merged(GenerationConfig(seed=2), GenerationConfig(num_beams=1))
    assert merged.to_dict() == {"seed": 2, "top_k": 3, "num_beams": 1}
    assert merged.without("seed").to_dict() == {"top_k": 3, "num_beams": 1}
