"""`CausalLM`: a loaded model under the field's names, over one engine that runs all its callers' requests together.

Every method is a client of the engine: there is no other loop. It knows no template and no checkpoint format; auto.py
loads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from causerie.api.embedding_vectors import POOLING, Embedded, is_tokens, normalized
from causerie.api.generation.answers import Answer, read_answers
from causerie.api.generation.beam_call import beam_answers
from causerie.api.generation.beams import BeamFlags
from causerie.api.generation.config import GenerationConfig
from causerie.api.generation.forward import ForwardCall
from causerie.api.generation.logits_processors import own_faults, with_processors
from causerie.api.generation.notices import ContextNotice, warn_of_flags_without_effect
from causerie.api.generation.outputs import CausalLMOutput, output_of
from causerie.api.generation.prompt_rows import Container, Prompts
from causerie.api.generation.resolution import Flags, Generation, call_flags, resolve
from causerie.api.generation.streamers import text_of
from causerie.api.generation.watch import Watching, preparing
from causerie.api.model_files.gguf_model import has_tokenizer
from causerie.api.open_model import OpenModel
from causerie.decoding.params import SamplingParams
from causerie.engine.request import TokenEvent
from causerie.errors import UsageError

if TYPE_CHECKING:
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer
    from causerie.engine.engine import EngineStats
    from causerie.engine.stream import Message
    from causerie.text.stream import TextStream


class CausalLM(OpenModel):
    """A model that continues tokens. Any thread may call it; requests of several threads run together."""

    # --- tokens to logits ---

    def __call__(self, input_ids: Any = None, attention_mask: Any = None, **others: Any) -> Any:
        """A CausalLMOutput with logits [prompts, tokens, vocab] in float32: torch if torch was passed, else numpy.
        Padding's rows are 0. `logits_to_keep` are the last tokens of this number, or those at these places;
        return_dict=False gives the tuple (logits,). Raises UsageError, Unsupported, ContextLengthError."""
        call = ForwardCall.read(others)
        # Without a mask every token is read, as in the field: only generate() takes pad_token_id for padding.
        prompts = self._prompts(None, input_ids, attention_mask, Flags())
        params = SamplingParams(max_tokens=0, prompt_logits=True)
        answers = read_answers(self._engine.submit_all([(tokens, params) for tokens in prompts.tokens]))
        logits = np.zeros((len(answers), prompts.width, self._model.vocab), dtype=np.float32)
        for row, (answer, columns) in enumerate(zip(answers, prompts.columns, strict=True)):
            logits[row, list(columns)] = answer.prompt_logits
        output = CausalLMOutput(prompts.container.array(logits[:, call.columns]))
        return output if call.return_dict else (output.logits,)

    def forward(self, input_ids: Any = None, attention_mask: Any = None, **others: Any) -> Any:
        """As calling the model."""
        return self(input_ids, attention_mask, **others)

    def embed(self, inputs: Any, *, tokenizer: ChatTokenizer | None = None) -> Embedded:
        """The embedding of a text [width], or of several [texts, width], in float32: the mean of the hidden states
        after the last norm over the text's tokens, with length 1. A text may be given as its token ids. It is read
        whole: nothing of it comes from the cache. Raises UsageError, ContextLengthError."""
        one = isinstance(inputs, str) or is_tokens(inputs)
        texts = [inputs] if one else list(inputs)
        if not texts:
            raise UsageError("embed() got no texts; pass a text or a list of texts.")
        tokenizer = tokenizer or (self.tokenizer if any(isinstance(text, str) for text in texts) else None)
        rows = [tokenizer(text)["input_ids"] if tokenizer and isinstance(text, str) else text for text in texts]
        answers = read_answers(self._engine.submit_all([(tokens, POOLING) for tokens in rows]))
        vectors = np.stack([normalized(answer.mean_state) for answer in answers])
        return vectors[0] if one else vectors

    def compute_transition_scores(self, sequences: Any, scores: Any, normalize_logits: bool = False) -> Any:
        """See transition_scores.py; of a call with return_dict_in_generate and output_scores (or output_logits)."""
        from causerie.api.generation.transition_scores import transition_scores

        return transition_scores(sequences, scores, normalize_logits)

    # --- tokens to tokens ---

    def generate(
        self,
        inputs: Any = None,
        generation_config: GenerationConfig | None = None,
        *,
        input_ids: Any = None,
        attention_mask: Any = None,
        tokenizer: ChatTokenizer | None = None,
        streamer: Any = None,
        stopping_criteria: Any = None,
        logits_processor: Any = None,
        prefix_allowed_tokens_fn: Any = None,
        assistant_model: Any = None,
        assistant_tokenizer: ChatTokenizer | None = None,
        **flags: Any,
    ) -> Any:
        """Prompts with their answers: [rows, tokens], each row the prompt as passed and its new tokens, filled up
        on the right with pad_token_id. A tensor gives a tensor on the same device, an array an array, lists lists
        (which keep their own lengths). Without a prompt it is the token that begins texts, in a tensor where torch is
        imported, else in an array. num_return_sequences rows follow each other for each prompt.

        `flags` are GenerationConfig's, and win over `generation_config`, which wins over the checkpoint's. Without a
        length it is 256 new tokens. An answer includes the tokens that end it. `stop_strings` are searched with
        `tokenizer`, by default the model's own. `streamer` gets the tokens as they come. `stopping_criteria` are
        callables of (ids [rows, tokens so far], scores) as in StoppingCriteria, asked after each step.
        `logits_processor` (see LogitsProcessor) and `prefix_allowed_tokens_fn` (of batch_id, ids) are asked for each
        token of each answer by itself, in another thread; what they raise is raised here. They take longer than flags.
        `assistant_model`, a smaller model (loaded, a folder or an id), guesses tokens that this one checks several at a
        time; no answer changes. One with other tokens needs `tokenizer` and `assistant_tokenizer`, which translate.
        `num_beams` with `length_penalty` and `early_stopping` gives the best of so many beams, without sampling.
        Warns of flags that change nothing and of answers that the context cuts. Raises UsageError and its kinds before
        anything runs, EngineError when the engine fails."""
        with preparing(streamer):
            beams = BeamFlags.read(flags)
            levels = Flags(call_flags(flags), generation_config, self.generation_config)
            if beams is not None and (streamer is not None or assistant_model is not None):
                raise UsageError("num_beams goes with no streamer and no assistant_model; leave out one of them.")
            prompts = self._prompts(inputs, input_ids, attention_mask, levels)
            if beams is not None:
                code = (stopping_criteria, logits_processor, prefix_allowed_tokens_fn)
                return self._best_beams(beams, levels, prompts, tokenizer, code)
            plan = self.decide(levels, prompts.width, prompts.longest)
            _refuse_unheld(levels, plan)
            if assistant_model is not None:
                plan = self._assisted(plan, levels, assistant_model, tokenizer, assistant_tokenizer)
            elif assistant_tokenizer is not None:
                raise UsageError(
                    "assistant_tokenizer is that of an assistant_model, and there is none. Pass both, or neither.",
                    field="assistant_tokenizer",
                )
            warn_of_flags_without_effect(levels)
            prompt_rows = [row for row in prompts.rows for _ in range(plan.sequences)]
            tokenizer = tokenizer or (self.tokenizer if plan.stop_strings else None)
            watching = Watching(
                prompt_rows,
                prompts.container,
                plan,
                tokenizer,
                stopping_criteria,
                streamer,
            )
        rows = [tokens for tokens in prompts.tokens for _ in range(plan.sequences)]
        params = with_processors(
            plan.each(len(prompts.tokens)), prompt_rows, prompts.container, logits_processor, prefix_allowed_tokens_fn
        )
        with own_faults(params):
            answers = self.answer(rows, params, watching)
        ContextNotice(self.context).look(plan, prompts.longest, answers)
        sequences = [[*row, *answer.tokens] for row, answer in zip(prompt_rows, answers, strict=True)]
        batch = prompts.container.batch(sequences, plan.pad)
        if not plan.return_dict:
            return batch
        return output_of(batch, answers, plan, params, prompts.container)

    def _best_beams(
        self, beams: BeamFlags, levels: Flags, prompts: Prompts, tokenizer: ChatTokenizer | None, code: tuple[Any, ...]
    ) -> Any:
        """What generate() returns where `beams` are asked for; `code` is the caller's."""
        sequences = levels.get("num_return_sequences", 1)
        levels = replace(levels, call=levels.call.merged(GenerationConfig(num_return_sequences=1)))
        plan = self.decide(levels, prompts.width, prompts.longest)
        _refuse_unheld(levels, plan)
        warn_of_flags_without_effect(levels)
        read = SamplingParams(max_tokens=1, keep_logits=True, most_drafted=0)

        def next_logits(texts: list[list[int]]) -> list[NDArray[np.float32]]:
            answers = read_answers(self._engine.submit_all([(text, read) for text in texts]))
            return [answer.logits[0] for answer in answers]

        criteria, processor, allowed = code
        return beam_answers(
            prompts,
            plan,
            beams,
            sequences,
            next_logits,
            ContextNotice(self.context),
            tokenizer=tokenizer or (self.tokenizer if plan.stop_strings else None),
            criteria=criteria,
            logits_processor=processor,
            prefix_allowed_tokens_fn=allowed,
        )

    def stream(
        self,
        tokens: Sequence[int],
        params: SamplingParams | None = None,
        *,
        generation_config: GenerationConfig | None = None,
        **flags: Any,
    ) -> Iterator[TokenEvent]:
        """The answer to one prompt as token events, as they come; closing the iterator cancels the request. Either
        `params` or flags say how. Raises as `generate`, at once."""
        if params is not None:
            if flags or generation_config is not None:
                raise UsageError("stream() got params and flags; params already say everything.")
            return self._engine.submit(tokens, params)
        levels = Flags(call_flags(flags), generation_config, self.generation_config)
        plan = self.decide(levels, len(tokens))
        if plan.stop_strings:
            raise UsageError(
                "stop_strings are texts and token events have none; use stream_text(), which holds them back."
            )
        if plan.repetition_detection:
            raise UsageError(
                "repetition_detection is judged by whoever reads the events; use stream_text(), which does."
            )
        params = _only_one(plan)
        warn_of_flags_without_effect(levels)
        return self._engine.submit(tokens, params)

    def stream_text(
        self,
        tokens: Sequence[int],
        *,
        generation_config: GenerationConfig | None = None,
        tokenizer: ChatTokenizer | None = None,
        skip_special_tokens: bool = True,
        fallback: GenerationConfig | None = None,
        **flags: Any,
    ) -> TextStream:
        """The answer to one prompt as pieces of text, as they come. Stop strings end it and are never shown. `fallback`
        are flags for where nobody sets them. Raises as `generate`, at once."""
        from causerie.text.detokenize import Detokenizer
        from causerie.text.stream import TextStream

        levels = Flags(call_flags(flags), generation_config, self.generation_config, fallback)
        plan = self.decide(levels, len(tokens))
        params = _only_one(plan)
        warn_of_flags_without_effect(levels)
        detokenizer = Detokenizer(text_of(tokenizer or self.tokenizer), skip_special_tokens)
        hidden = params.eos if skip_special_tokens else ()
        events = ContextNotice(self.context).watch(plan, len(tokens), self._engine.submit(tokens, params))
        return TextStream(events, detokenizer, plan.stop_strings, hidden, plan.repetition_detection)

    def answer(
        self, rows: Sequence[Sequence[int]], params: Sequence[SamplingParams], watching: Watching
    ) -> list[Answer]:
        """The answers to prompts that run together, each with its own parameters, with someone looking on."""
        with watching:
            streams = self._engine.submit_all(zip(rows, params, strict=True))
            return read_answers(streams, watching.see if watching.needed else None)

    def submit_to(
        self,
        requests: Sequence[tuple[Sequence[int], SamplingParams]],
        inbox: Callable[[int], Callable[[Message], None]],
    ) -> list[int]:
        """Starts requests whose messages go where `inbox(i)` says, called in the engine's thread; their numbers. For
        servers, which have many requests and one place to read. Raises as `generate`."""
        return self._engine.submit_to(requests, inbox)

    def cancel(self, request: int) -> None:
        """Ends a request of `submit_to` with "cancelled"; one that has ended is left alone."""
        self._engine.cancel(request)

    def engine_stats(self) -> EngineStats:
        """What its engine does and has done."""
        return self._engine.stats()

    def decide(self, flags: Flags, prompt_length: int, longest: int | None = None) -> Generation:
        """What these flags come to for a prompt of this length; see resolution.resolve."""
        plan = resolve(
            flags,
            prompt_length=prompt_length,
            longest=longest,
            context=self.context,
            default_eos=self._default_eos(flags),
        )
        if plan.response_format is None and plan.thinking_budget is None and not plan.bad_words:
            return plan
        from causerie.api.generation.constraints import constraint_of

        constraint = constraint_of(plan, self.tokenizer, self._model.vocab)
        return replace(plan, params=replace(plan.params, constraint=constraint))

    def _assisted(
        self,
        plan: Generation,
        flags: Flags,
        assistant: Any,
        tokenizer: ChatTokenizer | None,
        assistant_tokenizer: ChatTokenizer | None,
    ) -> Generation:
        """The plan, with guesses of that model. Raises as `assist`, UsageError where there are to be none."""
        if flags.get("speculation") == "off":
            raise UsageError("speculation='off' guesses nothing, so assistant_model would do nothing. Leave one out.")
        if assistant_tokenizer is None:
            self.assist(assistant, unasked=False, translated=False)
        elif tokenizer is None:
            raise UsageError(
                "assistant_tokenizer translates the guesses of assistant_model for this model's tokenizer: pass that "
                "too, as tokenizer=….",
                field="tokenizer",
            )
        else:
            self.assist(assistant, unasked=False, tokenizer=tokenizer, assistant_tokenizer=assistant_tokenizer)
        return replace(plan, params=replace(plan.params, drafters=("lookup", "chats", *self._assistance.drafters)))

    def _default_eos(self, flags: Flags) -> list[int]:
        """What ends an answer where no flag says: config.json's token, else the tokenizer's."""
        if flags.get("eos_token_id") is not None:
            return []
        ends = self.config.get("eos_token_id")
        if ends is None and has_tokenizer(self.config.folder):
            ends = self.tokenizer.eos_token_id
        return ends if isinstance(ends, list) else [] if ends is None else [ends]

    def _prompts(self, inputs: Any, input_ids: Any, attention_mask: Any, flags: Flags) -> Prompts:
        if inputs is not None and input_ids is not None:
            raise UsageError("inputs and input_ids are two names of the same prompts; pass one of them.")
        prompt = input_ids if inputs is None else inputs
        if prompt is None:
            begin = flags.get("bos_token_id")
            if begin is None:
                raise UsageError("There is no prompt and the model has no bos_token_id to begin with; pass input_ids.")
            prompt = Container.of_new(self._model.device).array(np.array([[begin]], dtype=np.int64))
        elif not isinstance(prompt, str) and hasattr(prompt, "keys") and "input_ids" in prompt:
            raise UsageError("The tokenizer's whole output was passed as the prompt; pass generate(**inputs).")
        return Prompts.read(prompt, attention_mask, vocab=self._model.vocab, pad=flags.padding)


def _only_one(plan: Generation) -> SamplingParams:
    """The parameters of the plan's one answer."""
    if plan.sequences > 1:
        raise UsageError(
            f"A stream is one answer and num_return_sequences is {plan.sequences}. Use generate(), or streams."
        )
    return plan.each(1)[0]


def _refuse_unheld(flags: Flags, plan: Generation) -> None:
    if not plan.return_dict and any(level.logprobs is not None for level in flags.asked):
        raise UsageError("logprobs needs return_dict_in_generate=True, which returns the object that holds them.")
