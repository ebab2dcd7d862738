"""The pipeline beside transformers' on the same folder: equal results, greedy, for every kind of input; then what only
ours has, and what it refuses."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.pipelines.text_generation import ReturnType

from causerie import AutoModelForCausalLM, CausalLM, GenerationConfig, TextIteratorStreamer, pipeline
from causerie.api.pipeline.text_generation import TextGenerationPipeline
from causerie.errors import (
    ContextLengthError,
    MessageError,
    TemplateError,
    UnknownName,
    Unsupported,
    UsageError,
)

USER = {"role": "user", "content": "Hello"}
CHAT = [{"role": "system", "content": "Be brief."}, USER]
OTHER = [{"role": "user", "content": "What is a token?"}]
PREFILL = [*CHAT, {"role": "assistant", "content": "I am"}]
GREEDY = {"do_sample": False, "max_new_tokens": 12}


@pytest.fixture(scope="module")
def pipe(model: CausalLM) -> TextGenerationPipeline:
    """Ours, over the model that other tests use too."""
    return pipeline("text-generation", model)


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    """transformers' pipeline."""
    import transformers

    return transformers.pipeline("text-generation", str(folder), dtype=torch.float32, device="cpu")


CASES: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "chat": (lambda: CHAT, {}),
    "chat as tuple": (lambda: tuple(CHAT), {}),
    "chats": (lambda: [CHAT, OTHER], {}),
    "one chat in a list": (lambda: [CHAT], {}),
    "text": (lambda: "Hello, how", {}),
    "texts": (lambda: ["Hello, how", "fox"], {}),
    "empty answer allowed": (lambda: "fox", {"eos_token_id": list(range(360))}),
    "prefill": (lambda: PREFILL, {}),
    "prefill not continued": (lambda: PREFILL, {"continue_final_message": False}),
    "prefilled chats": (lambda: [PREFILL, OTHER], {}),
    "new text of a chat": (lambda: CHAT, {"return_full_text": False}),
    "new text of a prefill": (lambda: PREFILL, {"return_full_text": False}),
    "new text": (lambda: "fox", {"return_full_text": False}),
    "tokens": (lambda: "fox", {"return_tensors": True}),
    "tokens of a chat": (lambda: CHAT, {"return_tensors": True}),
    "return_text": (lambda: "fox", {"return_text": True}),
    "return_type": (lambda: "fox", {"return_type": ReturnType.NEW_TEXT}),
    "special tokens shown": (lambda: CHAT, {"skip_special_tokens": False, "eos_token_id": 74}),
    "no special tokens": (lambda: "fox", {"add_special_tokens": False}),
    "prefix": (lambda: "fox", {"prefix": "The quick brown "}),
    "prefix and max_length": (lambda: "fox", {"prefix": "The quick ", "max_length": 20, "max_new_tokens": None}),
    "max_length": (lambda: "fox", {"max_length": 12, "max_new_tokens": None}),
    "truncation": (lambda: "Hello, how are you today?", {"truncation": True, "max_length": 4}),
    "hole": (lambda: "fox " * 200, {"handle_long_generation": "hole"}),
    "encode options of a text": (lambda: "fox", {"tokenizer_encode_kwargs": {"add_special_tokens": False}}),
    "encode options of a chat": (
        lambda: CHAT,
        {"tokenizer_encode_kwargs": {"chat_template": "{{ messages[0]['content'] }}-{{ bonus }}", "bonus": "x"}},
    ),
    "batch_size": (lambda: ["Hello, how", "fox", "dog"], {"batch_size": 2}),
    "clean up": (lambda: "fox", {"clean_up_tokenization_spaces": True}),
}


@pytest.mark.parametrize("name", CASES)
def test_results_are_theirs(pipe: TextGenerationPipeline, reference: Any, name: str) -> None:
    make, options = CASES[name]
    options = {name: value for name, value in {**GREEDY, **options}.items() if value is not None}
    inputs = make()
    copy_of_inputs = copy.deepcopy(inputs)
    ours = pipe(inputs, **options)
    assert inputs == copy_of_inputs
    assert ours == reference(make(), **options)


def test_generators_are_theirs(pipe: TextGenerationPipeline, reference: Any) -> None:
    def texts() -> Iterator[str]:
        yield from ("Hello, how", "fox")

    def chats() -> Iterator[list[dict[str, str]]]:
        yield from (CHAT, OTHER)

    def messages() -> Iterator[dict[str, str]]:
        yield from CHAT

    for make in (texts, chats):
        ours, expected = pipe(make(), **GREEDY), reference(make(), **GREEDY)
        assert iter(ours) is not None and not isinstance(ours, list)
        assert list(ours) == list(expected)
    assert pipe(messages(), **GREEDY) == reference(messages(), **GREEDY) == pipe(CHAT, **GREEDY)


def test_generators_are_read_as_they_are_used(pipe: TextGenerationPipeline) -> None:
    read = []

    def texts() -> Iterator[str]:
        for text in ("a", "b", "c"):
            read.append(text)
            yield text

    results = pipe(texts(), max_new_tokens=1)
    assert next(results)[0]["generated_text"].startswith("a") and read == ["a"]
    assert len(list(results)) == 2
    assert list(pipe(iter([]))) == []


def test_defaults_are_theirs(pipe: TextGenerationPipeline, reference: Any) -> None:
    flags = pipe._flags(pipe._call({}))
    for name in ("max_new_tokens", "do_sample", "temperature", "pad_token_id"):
        assert flags.get(name) == reference._generation_defaults[name]


def test_a_chat_goes_on(pipe: TextGenerationPipeline) -> None:
    response = pipe(CHAT, **GREEDY)
    chat = response[0]["generated_text"]
    assert chat[:2] == CHAT and chat[2]["role"] == "assistant"
    chat.append({"role": "user", "content": "And then?"})
    assert len(pipe(chat, **GREEDY)[0]["generated_text"]) == 5
    assert len(CHAT) == 2


def test_several_answers(pipe: TextGenerationPipeline) -> None:
    results = pipe([CHAT, OTHER], num_return_sequences=3, max_new_tokens=8, seed=3)
    assert [len(result) for result in results] == [3, 3]
    texts = [record["generated_text"][-1]["content"] for record in results[0]]
    assert len(set(texts)) == 3
    alone = pipe(OTHER, num_return_sequences=3, max_new_tokens=8, seed=3)
    assert results[1] == alone


def test_pieces(pipe: TextGenerationPipeline) -> None:
    whole = pipe(CHAT, **GREEDY)[0]["generated_text"][-1]["content"]
    stream = pipe.stream(CHAT, **GREEDY)
    pieces = list(stream)
    assert "".join(pieces) == whole == stream.text and len(pieces) > 2 and stream.finish_reason == "length"
    rest = pipe(PREFILL, **GREEDY, return_full_text=False)[0]["generated_text"]
    assert "".join(pipe.stream(PREFILL, **GREEDY)) == rest
    with pipe.stream("fox", max_new_tokens=200) as stopped:
        next(stopped)
    assert stopped.finish_reason == "cancelled"


def test_a_stop_sequence_is_the_end_of_the_text_as_theirs(pipe: TextGenerationPipeline, reference: Any) -> None:
    whole = pipe("fox", **GREEDY, return_full_text=False)[0]["generated_text"]
    stop = whole[5:8]
    for prompt in ("fox", CHAT):
        assert pipe(prompt, **GREEDY, stop_sequence=stop) == reference(prompt, **GREEDY, stop_sequence=stop)
    for name in ("stop_sequence", "stop_strings", "stop"):
        cut = pipe("fox", **GREEDY, return_full_text=False, **{name: stop})[0]["generated_text"]
        assert stop in cut and whole.startswith(cut) and len(cut) < len(whole)
    streamer = TextIteratorStreamer(pipe.tokenizer, skip_prompt=True)
    pipe("fox", **GREEDY, stop_sequence=stop, streamer=streamer)
    assert "".join(streamer) == cut
    assert (
        "".join(pipe.stream("fox", **GREEDY, stop_sequence=[stop])) == whole[: whole.index(stop)]
    )  # as a chat shows it


def test_a_streamer(pipe: TextGenerationPipeline) -> None:
    streamer = TextIteratorStreamer(pipe.tokenizer, skip_prompt=True, skip_special_tokens=True, timeout=20)
    result = pipe(CHAT, **GREEDY, streamer=streamer)
    assert "".join(streamer) == result[0]["generated_text"][-1]["content"]
    with pytest.raises(UsageError, match="2 were asked for"):
        pipe(["a", "b"], streamer=streamer)


def test_variables_of_the_template(pipe: TextGenerationPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    template = "{{ messages[0].content }}{% if enable_thinking %} think{% endif %}{{ tools }}{{ documents }}"
    monkeypatch.setattr(pipe.tokenizer.chat.template, "sources", {"default": template})
    shown = pipe([USER], enable_thinking=True, max_new_tokens=1, return_tensors=True)[0]["generated_token_ids"]
    assert "Hello think" in pipe.tokenizer.decode(shown)
    tool = {"type": "function", "function": {"name": "look", "description": "x", "parameters": {}}}
    shown = pipe([USER], tools=[tool], documents=[{"text": "paper"}], max_new_tokens=1, return_tensors=True)
    text = pipe.tokenizer.decode(shown[0]["generated_token_ids"])
    assert "'look'" in text and "'paper'" in text
    with pytest.raises(UnknownName, match=r"'enable_thinkin'.*chat template does not read it"):
        pipe([USER], enable_thinkin=True)


def test_options_of_the_pipeline_are_defaults(model: CausalLM) -> None:
    short = pipeline("text-generation", model, max_new_tokens=2, do_sample=False, return_full_text=False)
    assert len(short("fox", return_full_text=None, return_tensors=True)[0]["generated_token_ids"]) == 4
    longer = short("fox", max_new_tokens=9, return_full_text=None)[0]["generated_text"]
    assert len(longer) > len(short("fox")[0]["generated_text"]) and longer.startswith("fox")
    config = GenerationConfig(max_new_tokens=9, do_sample=False)
    assert pipeline(model=model)("fox", generation_config=config)[0]["generated_text"] == longer
    with pytest.raises(UnknownName, match="max_new_token"):
        pipeline("text-generation", model, max_new_token=2)


def test_content_in_parts(pipe: TextGenerationPipeline) -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]
    result = pipe(parts, **GREEDY)[0]["generated_text"]
    assert result[0] == parts[0] and result[1] == pipe([USER], **GREEDY)[0]["generated_text"][1]


@pytest.mark.parametrize(
    ("inputs", "options", "error", "words"),
    [
        ([], {}, MessageError, "chat is empty"),
        ([CHAT, []], {}, MessageError, "Chat 1 is empty"),
        ([{"content": "Hello"}], {}, MessageError, "Message 0 has no role"),
        ([{"role": "user"}], {}, MessageError, "no content"),
        ([USER, "Hello"], {}, MessageError, "Message 1"),
        ([{"role": "usr", "content": "x"}], {}, MessageError, "unknown role 'usr'.*user"),
        ([{"role": "tool", "content": "x"}], {}, TemplateError, "Unexpected role tool"),
        (USER, {}, MessageError, "one message alone"),
        (7, {}, UsageError, "not int"),
        (["a", 7], {}, UsageError, "Prompt 1 is int"),
        (b"a", {}, UsageError, "not bytes"),
        ("", {}, UsageError, "prompt is empty"),
        ("fox " * 300, {}, ContextLengthError, "context is 256"),
        ([{"role": "user", "content": "fox " * 300}], {}, ContextLengthError, "context is 256"),
        ("a", {"temperature": 0, "num_return_sequences": 2}, UsageError, "identical texts"),
        ("a", {"max_new_token": 2}, UnknownName, "max_new_tokens"),
        ("a", {"num_beams": 2}, Unsupported, "num_beams=2"),
        ("a", {"return_tensors": True, "return_full_text": True}, UsageError, "exclude each other"),
        ("a", {"return_type": 5}, UsageError, "return_type is 5"),
        ("a", {"stop_sequence": "a", "stop_strings": "b"}, UsageError, "two names"),
        ("a", {"handle_long_generation": "cut"}, UnknownName, "hole"),
        ("a", {"handle_long_generation": "hole", "max_new_tokens": 256}, UsageError, "cannot help"),
        ("a", {"batch_size": 0}, UsageError, "batch_size is 0"),
        ("a", {"output_scores": True, "return_dict_in_generate": True}, Unsupported, "pipe.model.generate"),
        (CHAT, {"truncation": True}, UsageError, "plain texts"),
        (CHAT, {"tokenizer_encode_kwargs": {"max_length": 3}}, Unsupported, "never cut"),
        ("a", {"padding": "max_length"}, Unsupported, "padding"),
    ],
)
def test_refused(
    pipe: TextGenerationPipeline, inputs: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        pipe(inputs, **options)


def test_streams_refused(pipe: TextGenerationPipeline) -> None:
    with pytest.raises(UsageError, match="one chat or one text"):
        pipe.stream([CHAT, CHAT])
    with pytest.raises(UsageError, match="itself the stream"):
        pipe.stream(CHAT, streamer=object())
    with pytest.raises(UsageError, match="A stream is one answer"):
        pipe.stream(CHAT, num_return_sequences=2, do_sample=True)


def test_a_base_model_says_so(folder: Path, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(folder, base)
    (base / "chat_template.jinja").unlink()
    pipe = pipeline("text-generation", base, device_map="cpu")
    assert pipe("fox", max_new_tokens=2, do_sample=False)[0]["generated_text"].startswith("fox")
    with pytest.raises(TemplateError, match="chat template"):
        pipe(CHAT)
    pipe.model.close()


def test_a_dropped_system_message_is_told(pipe: TextGenerationPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    template = "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}"
    monkeypatch.setattr(pipe.tokenizer.chat.template, "sources", {"default": template})
    with pytest.raises(MessageError, match="no system role"):
        pipe(CHAT)


def test_typed_control_tokens_stay_text(pipe: TextGenerationPipeline) -> None:
    chat = [{"role": "user", "content": "<|im_end|>"}]
    tokens = pipe(chat, max_new_tokens=1, return_tensors=True)[0]["generated_token_ids"]
    assert tokens.count(2) == 1  # the template's own


def test_made_from_names(folder: Path) -> None:
    made = pipeline("text-generation", str(folder), tokenizer=folder, torch_dtype="float32", device="cpu")
    assert made.dtype is torch.float32 and str(made.device) == "cpu" and "llama" in repr(made)
    made.model.close()
    loaded = AutoModelForCausalLM.from_pretrained(folder, device_map="cpu")
    for arguments, error, words in (
        ({"task": "summarization"}, Unsupported, "'text-generation'"),
        ({"task": "text-generator"}, UnknownName, "text-generation"),
        ({"task": str(folder)}, UsageError, r"pipeline\(model="),
        ({"model": loaded, "dtype": "float32"}, UsageError, "loaded already, so dtype"),
        ({"device": 0, "device_map": "auto"}, UsageError, "two names of one place"),
        ({"model": folder, "model_kwargs": {"dtype": "float16"}, "dtype": "float32"}, UsageError, "model_kwargs"),
        ({"model": folder, "model_kwargs": {"quantization_config": 1}}, Unsupported, "BitsAndBytesConfig"),
    ):
        with pytest.raises(error, match=words):
            pipeline(**arguments)  # type: ignore[arg-type]
    loaded.close()


def test_other_libraries_objects_are_told_apart(model: CausalLM, theirs: Any, their_tokenizer: Any) -> None:
    with pytest.raises(UsageError, match=r"expected a name, a folder or a CausalLM"):
        pipeline("text-generation", theirs)
    with pytest.raises(UsageError, match=r"causerie\.AutoTokenizer"):
        pipeline("text-generation", model, tokenizer=their_tokenizer)
    with pytest.raises(UsageError, match=r"causerie\.AutoTokenizer"):
        model.generate([[5]], stop="a", tokenizer=their_tokenizer)
    with pytest.raises(UsageError, match=r"causerie\.GenerationConfig"):
        model.generate([[5]], generation_config=theirs.config)


def test_threads_do_not_change_each_other(pipe: TextGenerationPipeline) -> None:
    chats = [[{"role": "user", "content": f"Hello {number}"}] for number in range(6)]
    expected = [pipe(chat, **GREEDY) for chat in chats]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda chat: pipe(chat, **GREEDY), chats)) == expected


def test_the_next_turn_reads_only_what_is_new(folder: Path) -> None:
    with AutoModelForCausalLM.from_pretrained(folder, device_map="cpu") as loaded:
        pipe = pipeline("text-generation", loaded)
        stream = pipe.stream(CHAT, **GREEDY)
        first = "".join(stream)
        chat = [*CHAT, {"role": "assistant", "content": first}, {"role": "user", "content": "And then?"}]
        follow_up = pipe.stream(chat, **GREEDY)
        assert list(follow_up)
        stats = follow_up.last_event.stats  # type: ignore[union-attr]
        before = len(pipe.tokenizer.apply_chat_template(CHAT, add_generation_prompt=True)["input_ids"])
        assert before <= stats.cached_tokens < stats.prompt_tokens


def test_a_pipeline_is_saved_and_loaded_again_here_and_there(pipe: TextGenerationPipeline, tmp_path: Path) -> None:
    import transformers

    stored = pipeline("text-generation", pipe.model.name_or_path)
    stored.tokenizer.chat_template = "{% for message in messages %}{{ message.content }}\n{% endfor %}"
    stored.save_pretrained(tmp_path / "saved", progress=False)
    expected = stored(CHAT, **GREEDY)
    stored.model.close()
    again = pipeline("text-generation", str(tmp_path / "saved"))
    assert again(CHAT, **GREEDY) == expected
    again.model.close()
    theirs = transformers.pipeline("text-generation", str(tmp_path / "saved"), dtype=torch.float32, device="cpu")
    assert theirs(CHAT, **GREEDY) == expected
    with pytest.raises(Unsupported, match="max_shard_size"):
        pipe.save_pretrained(tmp_path / "other", max_shard_size="1GB")
    assert not (tmp_path / "other").exists()
