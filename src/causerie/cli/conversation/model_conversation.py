"""A loaded model and a chat session as the terminal wants them: text in, pieces of text out, and what they cost.

It speaks to the library as any user of `api` could. Knows no terminal and no tensors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from causerie.api.generation.config import GenerationConfig
from causerie.api.generation.resolution import Flags
from causerie.api.machine.surroundings import Moment
from causerie.api.measurement.answer_cost import AnswerCost
from causerie.api.measurement.evidence import Evidence
from causerie.api.measurement.token_odds import token_odds
from causerie.api.model_with_tokenizer import open_with_tokenizer
from causerie.api.options.load_options import LoadOptions
from causerie.api.options.speculation import drafters_of
from causerie.chat.chat_format import ChatFormat
from causerie.chat.parse import ReplyFormat
from causerie.chat.session import AnswerStream, ChatSession
from causerie.chat.transcript import Transcript
from causerie.cli.conversation.answer_account import AnswerAccount
from causerie.cli.conversation.conversation import TokenRow
from causerie.cli.conversation.expert_lines import expert_lines, reads_line
from causerie.cli.conversation.model_reply import ModelReply
from causerie.cli.options.generate_flags import read_flags
from causerie.errors import UsageError
from causerie.text.detokenize import token_bytes
from causerie.text.stream import Event

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM

_LENGTHS = ("max_new_tokens", "max_length")


@dataclass(frozen=True)
class ModelChoice:
    """Which model, and how it is loaded."""

    name: str
    options: LoadOptions = field(default_factory=LoadOptions)
    progress: bool = True  # whether lines may be drawn over while it loads
    models_folder: Path | None = None  # of models beside the downloaded ones, which may guess for it

    def fitting(self) -> ModelChoice:
        """The same in the most exact precision that memory has room for."""
        return replace(self, options=replace(self.options, quantization="auto"))


def open_conversation(choice: ModelChoice, flags: GenerationConfig, system_prompt: str | None) -> ModelConversation:
    """Loads tokenizer and model. What the template cannot do (it is missing, or has no system role) is said before the
    weights are read. Raises CauserieError."""
    return ModelConversation(*_opened(choice, system_prompt), flags, system_prompt, choice)


def _opened(choice: ModelChoice, system_prompt: str | None) -> tuple[CausalLM, ChatFormat]:
    model, tokenizer = open_with_tokenizer(
        choice.name,
        choice.options,
        lambda made: _check_system_prompt(made.chat, system_prompt),
        progress=choice.progress,
        models_folder=choice.models_folder,
    )
    return model, tokenizer.chat


def _reply_format(chat_format: ChatFormat, tools: Sequence[Mapping[str, Any]]) -> ReplyFormat:
    """How the model's answers are read where it is offered such tools; its template for those may be another."""
    source = chat_format.template.source(None, tools or None)
    return ReplyFormat.of(source, chat_format.tokenizer.added_tokens)


def _check_system_prompt(chat_format: ChatFormat, system_prompt: str | None) -> None:
    """A template that has no system role says so. Raises MessageError, TemplateError."""
    chat_format.prompt(Transcript(system_prompt).ask("Hello!").prompt.chat)


class _Asker:
    """The session's `Generator`: decides the flags for each prompt, whose length it is the first to know."""

    def __init__(self, model: CausalLM) -> None:
        self._model = model

    def stream(self, tokens: list[int], params: Flags) -> Iterator[Event]:
        return self._model.stream(tokens, self._model.decide(params, len(tokens)).each(1)[0])


class ModelConversation:
    """See `conversation.Conversation`. Owns the model; leaving its `with` block frees it."""

    def __init__(
        self,
        model: CausalLM,
        chat_format: ChatFormat,
        flags: GenerationConfig,
        system_prompt: str | None = None,
        choice: ModelChoice | None = None,
    ) -> None:
        self._last: AnswerStream | None = None
        self.shows_probabilities = False
        self._choice = choice or ModelChoice(model.name_or_path)
        self._call = flags
        self._take(model, chat_format)
        self._session = self._new_session(system_prompt)

    def _take(self, model: CausalLM, chat_format: ChatFormat) -> None:
        self._model = model
        model.expect_chats()
        self._account = AnswerAccount(model, self._choice.options.threads)
        self._chat_format = chat_format
        self._reply_format = _reply_format(chat_format, ())
        self._schemas: dict[str, dict[str, Any]] | None = None  # of the tools that are offered
        # In a chat an answer may go on until the context is full (generate() would cut it at its own default), but not
        # only to say the same over and over.
        self._defaults = GenerationConfig(max_new_tokens=model.context, repetition_detection=True)

    def _new_session(self, system_prompt: str | None) -> ChatSession:
        return ChatSession(
            self._chat_format,
            _Asker(self._model),
            context_length=self._model.context,
            system_prompt=system_prompt,
            hidden=self._model.decide(self._flags(), 1).params.eos,
            shown_specials=self._reply_format.spellings(tools=False),
        )

    def _flags(self, call: GenerationConfig | None = None) -> Flags:
        return Flags(
            call=call or self._call,
            checkpoint=self._model.generation_config,
            fallback=self._defaults,
            drawing_implies_sampling=True,
        )

    # --- what it is ---

    @property
    def context(self) -> int:
        """See Conversation."""
        return self._model.context

    @property
    def limit(self) -> str | None:
        """See Conversation."""
        for level in self._flags().levels[:-1]:
            for name in _LENGTHS:
                if getattr(level, name) is not None:
                    return f"{name}={getattr(level, name)}"
        return None

    @property
    def model_name(self) -> str:
        """See Conversation."""
        return self._model.name_or_path

    @property
    def server(self) -> str | None:
        """See Conversation; there is none."""
        return None

    @property
    def description(self) -> str:
        """See Conversation."""
        model = self._model
        place = f"{model.backend} on {model.device}" if model.backend else str(model.device)
        return f"{model.name_or_path} · {model.format}, {place} · context {model.context}"

    @property
    def promise(self) -> str | None:
        """See Conversation."""
        return self._account.promise_sentence

    @property
    def memory(self) -> list[tuple[str, str]]:
        """See Conversation."""
        stats = self._model.engine_stats()
        model, count = self._model, self._model.num_parameters()
        share = "" if model.active_parameters == count else f", {model.active_parameters / 1e6:,.1f} M for each token"
        rows = [
            ("parameters", f"{count / 1e6:,.1f} M{share}"),
            (
                "weights",
                f"{model.get_memory_footprint() / 1e6:,.1f} MB, {model.read_bytes / 1e6:,.1f} MB for each token",
            ),
        ]
        for group in stats.groups:
            layers = "" if group.window is None else f", by layers that keep the last {group.window} tokens"
            rows.append(("cache", f"{group.total - group.free} of {group.total} blocks in use{layers}"))
        if (disk := stats.disk) is not None:
            size = f"{disk.nbytes / 1e6:,.0f} of {disk.most / 1e6:,.0f} MB"
            rows.append(("cache on disk", f"{size}, {disk.recalled_tokens} tokens came back"))
        if stats.slots.total:
            rows.append(("slots", f"{stats.slots.total - stats.slots.free} of {stats.slots.total} in use"))
        named = drafters_of(self._call.speculation)
        rows.append(("speculation", ", ".join(model.drafters if named is None else named) or "off"))
        if (reads := model.expert_reads()) is not None:
            rows.append(("experts on disk", reads_line(**vars(reads))))
        return rows + expert_lines(model.expert_choices())

    @property
    def expectation(self) -> list[tuple[str, str]]:
        """See Conversation."""
        return self._account.expectation

    def evidence(self) -> Evidence:
        """See Conversation."""
        return self._account.evidence()

    def learn_from(self, cost: AnswerCost) -> None:
        """See Conversation."""
        self._account.learn_from(cost)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """See Conversation."""
        return self._session.messages

    @property
    def settings(self) -> dict[str, Any]:
        """See Conversation."""
        return self._call.to_dict()

    @property
    def system_prompt(self) -> str | None:
        """See Conversation."""
        return self._session.system_prompt

    @system_prompt.setter
    def system_prompt(self, text: str | None) -> None:
        _check_system_prompt(self._chat_format, text)
        self._session.system_prompt = text

    # --- answers ---

    def reply(self, text: str) -> ModelReply:
        """See Conversation."""
        return self._reply(partial(self._session.ask, text), self._call)

    def retry(self, words: Sequence[str] = ()) -> ModelReply:
        """See Conversation."""
        return self._reply(self._session.retry, self._call.merged(read_flags(words)))

    def proceed(self) -> ModelReply:
        """See Conversation."""
        return self._reply(self._session.proceed, self._call)

    def offer(self, tools: Sequence[Mapping[str, Any]]) -> None:
        """See Conversation."""
        reads = _reply_format(self._chat_format, tools)
        able = reads.tools is not None
        self._reply_format = reads if able else _reply_format(self._chat_format, ())
        self._schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools if able} or None
        shown = self._reply_format.spellings(tools=self._schemas is not None)
        self._session.offer(tools if able else (), shown)
        if tools and not able:
            raise UsageError("This model's chat template knows no tools, or an unknown way to call them.")

    def take_results(self, results: Sequence[Mapping[str, Any]]) -> None:
        """See Conversation."""
        self._session.take_results(results)

    def _reply(self, ask: Callable[[Flags, Any, bool], AnswerStream], call: GenerationConfig) -> ModelReply:
        flags = self._flags(call.merged(GenerationConfig(logprobs=0)) if self.shows_probabilities else call)
        begun, moment = time.monotonic(), Moment.now()
        answer = self._last = ask(flags, flags.get("stop_strings", ()), flags.get("repetition_detection"))
        parser = self._reply_format.parser(answer.prompt.text[-200:], self._schemas)
        reply = ModelReply(answer, begun, parser, moment=moment, variables=self._session.variables)
        self._account.begin(reply)
        return reply

    def beside(self, name: str) -> ModelConversation:
        """See Conversation. Both models are then in memory."""
        other = open_conversation(replace(self._choice, name=name), self._call, self.system_prompt)
        other.replace(self.messages)
        return other

    def prompt_text(self) -> str:
        """See Conversation."""
        if self._last is None:
            raise UsageError("There is no answer yet for which the model read something.")
        return self._last.prompt.text

    def template(self) -> str:
        """See Conversation."""
        return self._chat_format.template.source()

    def parameters(self) -> list[tuple[str, Any, str]]:
        """See Conversation."""
        flags = self._flags()
        origins = zip(("set here", "the model's own", "the chat's own"), flags.levels, strict=False)
        rows: dict[str, tuple[str, Any, str]] = {}
        for origin, level in origins:
            for name, value in level.to_dict().items():
                rows.setdefault(name, (name, value, origin))
        return list(rows.values())

    def tokens(self) -> list[TokenRow]:
        """See Conversation. The model reads prompt and answer once more."""
        answer = self._last
        if answer is None or not answer.tokens:
            raise UsageError("There is no answer yet whose tokens could be shown.")
        tokenizer, rows = self._chat_format.tokenizer, []
        for odds in token_odds(self._model, answer.prompt.tokens, answer.tokens):
            texts = [token_bytes(tokenizer, each).decode(errors="replace") for each in (odds.token, odds.likeliest)]
            rows.append(TokenRow(texts[0], odds.probability, texts[1], odds.likeliest_probability))
        return rows

    def shorten(self, text: str, policy: str) -> int:
        """See Conversation."""
        return self._session.shorten(text, policy, self._flags(GenerationConfig(max_new_tokens=200)))

    # --- changes ---

    def set(self, words: Sequence[str]) -> None:
        """See Conversation."""
        flags = self._call.merged(read_flags(words))
        self._model.decide(self._flags(flags), 1)  # flags that contradict each other are refused here
        self._call = flags

    def unset(self, name: str) -> None:
        """See Conversation."""
        self._call = self._call.without(name)

    def think(self, on: bool, budget: int | None = None) -> None:
        """See Conversation."""
        if "enable_thinking" in self._chat_format.template.source():
            self._session.variables["enable_thinking"] = on
        elif budget is None or self._reply_format.reasoning is None:
            raise UsageError(
                "This model's chat template knows no enable_thinking, so it cannot be told when to reason."
            )
        self.unset("thinking_budget")
        if budget is not None:
            self.set([f"thinking_budget={budget}"])

    def switch(self, name: str) -> None:
        """See Conversation."""
        choice = replace(self._choice, name=name)
        model, chat_format = _opened(choice, self._session.system_prompt)
        old, messages = self._model, self._session.messages
        self._choice = choice
        self._take(model, chat_format)
        self._session = self._new_session(self._session.system_prompt)
        self._session.replace(messages)
        old.close()

    def clear(self) -> None:
        """See Conversation."""
        self._session.clear()

    def undo(self) -> bool:
        """See Conversation."""
        return self._session.undo()

    def amend(self, text: str) -> None:
        """See Conversation."""
        self._session.amend(text)

    def replace(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """See Conversation."""
        self._session.replace(messages)

    def close(self) -> None:
        """Frees the model."""
        self._model.close()

    def __enter__(self) -> ModelConversation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
