"""`pipeline("text-generation")`: chats and texts in, the field's shapes out.

It writes prompts and reads answers; the engine runs all rows of a call together. Nothing it is given is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from causerie.api.auto import AutoModelForCausalLM, AutoTokenizer
from causerie.api.causal_lm import CausalLM
from causerie.api.generation.config import GenerationConfig
from causerie.api.generation.logits_processors import own_faults, with_processors
from causerie.api.generation.notices import ContextNotice, warn_of_flags_without_effect
from causerie.api.generation.prompt_rows import Container
from causerie.api.generation.resolution import DEFAULT_NEW_TOKENS, Flags, Generation
from causerie.api.generation.streamers import text_of
from causerie.api.generation.watch import Watching, preparing
from causerie.api.pipeline.chat_record import PipelinePrompt, record
from causerie.api.pipeline.pipeline_call import PipelineCall
from causerie.builtin import NAME as BUILTIN
from causerie.chat.messages import checked_chat, is_chat
from causerie.errors import MessageError, Unsupported, UsageError, unknown

if TYPE_CHECKING:
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer
    from causerie.text.stream import TextStream

TASK = "text-generation"
DEFAULTS = GenerationConfig(max_new_tokens=DEFAULT_NEW_TOKENS, do_sample=True, temperature=0.7)
"""The field's defaults of this pipeline, for what neither the caller nor the checkpoint sets."""
WINDOW = 64
"""Rows of a list that are handed to the engine at once where the caller gives no batch_size."""
_OTHER_TASKS = ("any-to-any", "image-text-to-text", "summarization", "translation", "text2text-generation",
                "text-classification", "feature-extraction", "fill-mask", "question-answering")  # fmt: skip


def pipeline(
    task: str | None = None,
    model: str | Path | CausalLM | None = None,
    config: Mapping[str, Any] | None = None,
    tokenizer: str | Path | ChatTokenizer | None = None,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    device: Any = None,
    device_map: Any = None,
    dtype: Any = None,
    torch_dtype: Any = None,
    trust_remote_code: bool | None = None,
    use_fast: bool = True,
    model_kwargs: Mapping[str, Any] | None = None,
    assistant_model: str | Path | CausalLM | None = None,
    assistant_tokenizer: str | Path | ChatTokenizer | None = None,
    **options: Any,
) -> TextGenerationPipeline:
    """A pipeline over a model: a folder, "builtin" (also None), a hub id, or a loaded CausalLM. `assistant_model` is a
    smaller one that guesses for it, which changes no answer; `assistant_tokenizer` translates the guesses of one with
    other tokens, by default its own. `device` and
    `device_map` are two names of where it goes; `model_kwargs` are further arguments of
    AutoModelForCausalLM.from_pretrained. `options` become defaults of every call.
    Raises what from_pretrained raises, UnknownName and Unsupported."""
    _check_task(task)
    if not use_fast:
        raise Unsupported("use_fast=False asks for a tokenizer written in Python; every tokenizer here is a fast one.")
    if device is not None and device_map is not None:
        raise UsageError(
            f"device={device!r} and device_map={device_map!r} are two names of one place; pass one of them."
        )
    loading: dict[str, Any] = {
        "revision": revision,
        "token": token,
        "trust_remote_code": trust_remote_code,
        "dtype": dtype,
        "torch_dtype": torch_dtype,
        "device_map": device if device_map is None else device_map,
        "config": config,
    }
    keywords = _joined({name: value for name, value in loading.items() if value is not None}, model_kwargs or {})
    if isinstance(model, CausalLM):
        if keywords:
            raise UsageError(f"The model is loaded already, so {', '.join(keywords)} would do nothing. Leave them out.")
    elif model is not None and not isinstance(model, str | Path):
        raise UsageError(
            f"model is {type(model).__module__}.{type(model).__name__}; expected a name, a folder or a CausalLM."
        )
    else:
        model = AutoModelForCausalLM.from_pretrained(BUILTIN if model is None else model, **keywords)
    if isinstance(tokenizer, str | Path):
        tokenizer = AutoTokenizer.from_pretrained(tokenizer, revision=revision, token=token)
    if assistant_model is not None:
        _assist(model, assistant_model, tokenizer, assistant_tokenizer)
    elif assistant_tokenizer is not None:
        raise UsageError(
            "assistant_tokenizer is that of an assistant_model, and there is none. Pass both, or neither.",
            field="assistant_tokenizer",
        )
    return TextGenerationPipeline(model, tokenizer, **options)


def _check_task(task: str | None) -> None:
    """Raises what says which task there is."""
    if task in (None, TASK):
        return
    if task in _OTHER_TASKS:
        raise Unsupported(f"Task {task!r} is not something Causerie does. It does {TASK!r}.")
    if "/" in task or Path(task).is_dir():
        raise UsageError(f"{task!r} is taken for the task, which comes first; pass pipeline(model={task!r}).")
    raise unknown("task", task, (TASK,))


def _joined(keywords: Mapping[str, Any], model_kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Both. Raises UsageError where they say different things of one name."""
    for name, value in model_kwargs.items():
        if name in keywords and keywords[name] != value:
            raise UsageError(f"{name} is {keywords[name]!r} and, in model_kwargs, {value!r}; pass one of them.")
    return {**keywords, **model_kwargs}


def _assist(
    model: CausalLM,
    assistant: str | Path | CausalLM,
    tokenizer: ChatTokenizer | None,
    assistant_tokenizer: str | Path | ChatTokenizer | None,
) -> None:
    """Has the assistant guess in all answers of the model."""
    if isinstance(assistant_tokenizer, str | Path):
        assistant_tokenizer = AutoTokenizer.from_pretrained(assistant_tokenizer)
    if assistant_tokenizer is None:
        model.assist(assistant)
    else:
        model.assist(assistant, tokenizer=tokenizer or model.tokenizer, assistant_tokenizer=assistant_tokenizer)


class TextGenerationPipeline:
    """Continues chats and texts. Any thread may call it."""

    task = TASK

    def __init__(
        self,
        model: CausalLM,
        tokenizer: ChatTokenizer | None = None,
        *,
        task: str = TASK,
        framework: str | None = None,
        device: Any = None,
        dtype: Any = None,
        torch_dtype: Any = None,
        **options: Any,
    ) -> None:
        """`options` become defaults of every call. `device` and `dtype` (or torch_dtype) may say where and how the
        model is held already; `framework` may be "pt", the field's name of torch. Raises UsageError and its kinds."""
        if task not in ("", TASK):
            raise unknown("task", task, (TASK,))
        if framework not in (None, "pt"):
            raise Unsupported(f"framework={framework!r} is not something Causerie does. Leave it out.")
        for name in (dtype, torch_dtype):
            model.to(device, name)  # tells where it is, if it is elsewhere
        self.model = model
        self.tokenizer = model.tokenizer if tokenizer is None else tokenizer
        text_of(self.tokenizer)  # refuses another library's
        self._options = options
        self._call({})  # so that a mistake in the defaults is told here

    def __repr__(self) -> str:
        return f"TextGenerationPipeline({self.model!r})"

    @property
    def device(self) -> Any:
        """Where the model runs."""
        return self.model.device

    @property
    def dtype(self) -> Any:
        """How the model's weights are held."""
        return self.model.dtype

    def __call__(self, text_inputs: Any, **options: Any) -> Any:
        """One chat gives [{"generated_text": [its messages…, the answer]}], one text [{"generated_text": text}], a list
        of either a list of such results, a generator or a dataset (anything with a length and numbered items) an
        iterator of them that reads it as it goes. An answer that continues an assistant's last message is merged into
        it.

        Options: the flags of GenerationConfig, and generation_config, streamer (one prompt), stopping_criteria,
        logits_processor, prefix_allowed_tokens_fn,
        return_full_text=False (the new text alone), return_tensors=True ("generated_token_ids" instead of text),
        skip_special_tokens, clean_up_tokenization_spaces, continue_final_message, add_generation_prompt, tools,
        documents, variables of the chat template, tokenizer_encode_kwargs, stop_sequence; for texts prefix, truncation,
        add_special_tokens, handle_long_generation="hole" (cuts the beginning of a prompt that leaves no room);
        batch_size (rows handed to the engine at once). A stop string ends an answer and is the end of it. Warns of
        flags that change nothing and of answers that the context cuts. Raises MessageError, TemplateError,
        ContextLengthError and other UsageErrors before anything runs, EngineError."""
        with preparing(options.get("streamer", self._options.get("streamer"))):
            call = self._call(options)
            kind, inputs = _sorted_input(text_inputs)
            # With truncation, max_length is where prompts are cut.
            warn_of_flags_without_effect(self._flags(call), ("max_length",) if call.truncation else ())
        notice = ContextNotice(self.model.context)
        if kind == "one":
            return self._run([inputs], call, notice)[0]
        windows = _windows(inputs, call.batch_size or (WINDOW if kind == "many" else 1))
        results = chain.from_iterable(self._run(window, call, notice) for window in windows)
        return list(results) if kind == "many" else results

    def stream(self, text_input: Any, **options: Any) -> TextStream:
        """The answer to one chat or text as pieces of text, as they come; `.text` and `.finish_reason` of what this
        returns tell the rest. Closing it ends the answer. Options and errors as in a call."""
        call = self._call(options)
        kind, prompt = _sorted_input(text_input)
        if kind != "one":
            raise UsageError("stream() takes one chat or one text; call it once for each.")
        if call.streamer is not None or call.stopping_criteria is not None:
            raise UsageError(
                "stream() is itself the stream: leave out streamer and stopping_criteria, and close it to stop."
            )
        if call.logits_processor is not None or call.prefix_allowed_tokens_fn is not None:
            raise UsageError(
                "stream() runs no code of yours: leave out logits_processor and prefix_allowed_tokens_fn, or call the "
                "pipeline with a streamer."
            )
        written = self._write(prompt, call)
        return self.model.stream_text(
            written.tokens,
            generation_config=call.generation_config,
            tokenizer=self.tokenizer,
            skip_special_tokens=call.skip_special_tokens,
            fallback=DEFAULTS,
            **call.flags.to_dict(),
        )

    def save_pretrained(self, save_directory: str | Path, **others: Any) -> None:
        """Writes model and tokenizer into one folder, which pipeline() loads again. Options and errors are those of the
        model's and the tokenizer's save_pretrained."""
        self.model.save_pretrained(save_directory, **others)
        self.tokenizer.save_pretrained(save_directory)

    def _call(self, options: Mapping[str, Any]) -> PipelineCall:
        return PipelineCall.read(
            {**self._options, **options}, lambda: "\n".join(self.tokenizer.chat.template.sources.values())
        )

    def _run(self, inputs: list[Any], call: PipelineCall, notice: ContextNotice) -> list[list[dict[str, Any]]]:
        """Results of prompts that run together."""
        with preparing(call.streamer):
            flags = self._flags(call)
            prompts = [self._write(each, call) for each in inputs]
            plans = [self._decide(flags, prompt) for prompt in prompts]
            rows = [prompt.tokens for prompt, plan in zip(prompts, plans, strict=True) for _ in range(plan.sequences)]
            params = with_processors(
                [each for plan in plans for each in plan.each(1)],
                rows,
                Container("list"),
                call.logits_processor,
                call.prefix_allowed_tokens_fn,
                (call.batch_size or 1) * plans[0].sequences,
            )
            watching = Watching(
                rows,
                Container("list"),
                plans[0],
                self.tokenizer,
                call.stopping_criteria,
                call.streamer,
            )
        with own_faults(params):
            answers = iter(self.model.answer(rows, params, watching))
        results = []
        for prompt, plan in zip(prompts, plans, strict=True):
            own = list(islice(answers, plan.sequences))
            notice.look(plan, len(prompt.tokens), own)
            results.append([record(prompt, answer.tokens, self.tokenizer, call) for answer in own])
        return results

    def _flags(self, call: PipelineCall) -> Flags:
        return Flags(call.flags, call.generation_config, self.model.generation_config, DEFAULTS)

    def _decide(self, flags: Flags, prompt: PipelinePrompt) -> Generation:
        return self.model.decide(flags, len(prompt.tokens) - prompt.prefix_length, len(prompt.tokens))

    def _write(self, item: Any, call: PipelineCall) -> PipelinePrompt:
        """The tokens of a chat or a text."""
        if isinstance(item, str):
            prompt = self._write_text(item, call)
        else:
            last = item[-1].get("role") if item and isinstance(item[-1], Mapping) else None
            options = call.chat_options(str(last))
            tokens = self.tokenizer.chat.prompt(item, **options).tokens
            prompt = PipelinePrompt(tokens, [dict(message) for message in item], options["continue_final_message"])
        if call.handle_long_generation == "hole":
            return prompt.with_hole(self._flags(call), self.model.context)
        return prompt

    def _write_text(self, text: str, call: PipelineCall) -> PipelinePrompt:
        options: dict[str, Any] = dict(call.tokenizer_encode_kwargs)
        if call.add_special_tokens is not None:
            options.setdefault("add_special_tokens", call.add_special_tokens)
        if call.truncation is not None:
            options.setdefault("truncation", call.truncation)
            options.setdefault("max_length", call.flags.max_length)
        prefix = len(self.tokenizer.encode(call.prefix, add_special_tokens=False)) if call.prefix else 0
        tokens = self.tokenizer(call.prefix + text, **options)["input_ids"]
        if not tokens:
            begin = self._flags(call).get("bos_token_id", self.tokenizer.bos_token_id)
            if begin is None:
                raise UsageError("The prompt is empty and the model has no token to begin with. Give it some text.")
            tokens = [begin]
        return PipelinePrompt(tokens, text, prefix_length=prefix)


def _sorted_input(value: Any) -> tuple[str, Any]:
    """("one", a text or chat), ("many", a list of them) or ("lazy", an iterator of them)."""
    if isinstance(value, str) or is_chat(value):
        return "one", value
    if isinstance(value, Mapping):
        checked_chat(value)  # says that a chat is a list of messages
    if isinstance(value, list | tuple):
        if not value:
            raise MessageError("The chat is empty. Give at least one message: {'role': 'user', 'content': 'Hello'}.")
        return "many", [_checked(index, item) for index, item in enumerate(value)]
    if _is_dataset(value):
        return "lazy", (_checked(index, value[index]) for index in range(len(value)))
    if not isinstance(value, Iterable) or isinstance(value, bytes | bytearray):
        raise UsageError(
            f"A pipeline takes a text, a chat, or a list, a generator or a dataset of them, not {type(value).__name__}."
        )
    items = iter(value)
    first = next(items, None)
    if first is None:
        return "lazy", iter(())
    if isinstance(first, Mapping):
        return "one", [first, *items]  # as the field: a generator of messages is one chat
    return "lazy", (_checked(index, item) for index, item in enumerate(chain([first], items)))


def _is_dataset(value: Any) -> bool:
    """Whether a value is what torch calls a dataset: items by number, and nothing to iterate over."""
    return hasattr(value, "__getitem__") and hasattr(value, "__len__") and not isinstance(value, Iterable)


def _checked(index: int, item: Any) -> Any:
    if isinstance(item, str) or is_chat(item):
        return item
    if isinstance(item, list | tuple) and not item:
        raise MessageError(f"Chat {index} is empty. Give every chat at least one message.")
    raise UsageError(f"Prompt {index} is {type(item).__name__}; expected a text or a chat (a list of messages).")


def _windows(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while window := list(islice(rest, size)):
        yield window
