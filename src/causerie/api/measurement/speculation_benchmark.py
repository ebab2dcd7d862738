"""How many times as fast a model answers with guesses as without, on texts of several kinds, by who guesses.

Knows drafters by their names alone. Draws no table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from statistics import median

from causerie.api.causal_lm import CausalLM
from causerie.api.generation.config import GenerationConfig
from causerie.api.generation.resolution import Flags
from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer
from causerie.decoding.drafting.other_chats import OtherChats
from causerie.decoding.params import SamplingParams
from causerie.engine.request import RequestStats, TokenEvent
from causerie.errors import EngineError, UsageError

CODE = '''def area(width, height):
    """The area of a rectangle."""
    return width * height


def perimeter(width, height):
    """The way around it."""
    return 2 * (width + height)


def is_square(width, height):
    """Whether both sides are alike."""
    return width == height
'''
LIST = "Paris, 2102650, France; Berlin, 3677472, Germany; Madrid, 3332035, Spain; Rome, 2748109, Italy"
AGAIN = f"{CODE}\n\n# The same again:\n\n" * 2  # no chat, as a small model would rather talk of it
CHATS = {
    "a list as JSON": f"Write this list as JSON with the keys city, people and country:\n\n{LIST}",
    "prose": "Tell me a story about a fox who learns to swim.",
    "an explanation": "Why is the sky blue? Explain it to a child.",
}
SHORTEST = 24
"""Tokens of an answer at least: a speed of fewer says little."""


@dataclass(frozen=True)
class Run:
    """One answer; `speed` in tokens a second after the first."""

    tokens: list[int]
    speed: float
    drafted: int
    accepted: int


@dataclass(frozen=True)
class Comparison:
    """An answer to one text without guesses and with those of one drafter, in turn; each list by rounds."""

    text: str
    drafter: str
    speeds: tuple[float, ...]  # tokens a second without guesses
    ratios: tuple[float, ...]  # with them to that
    drafted: int  # tokens in all rounds
    accepted: int
    bandwidths: tuple[float, ...]  # of memory before each round, in bytes a second; () where nobody measured

    @property
    def speed(self) -> float:
        """The median of tokens a second without guesses."""
        return median(self.speeds)

    @property
    def ratio(self) -> float:
        """The median of how many times as fast it is with them."""
        return median(self.ratios)


Answer = Callable[[SamplingParams], Run]


def prompts_of(tokenizer: ChatTokenizer) -> dict[str, list[int]]:
    """The texts as a model's tokens: a program to be written once more, and questions; to a model without a chat
    template these are just texts to go on with."""
    prompts = {"code, once more": tokenizer(AGAIN)["input_ids"]}
    for name, text in CHATS.items():
        if tokenizer.chat_template is None:
            prompts[name] = tokenizer(f"{text}\n\n")["input_ids"]
        else:
            chat = [{"role": "user", "content": text}]
            prompts[name] = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True)[
                "input_ids"
            ]
    return prompts


def run_of(events: Iterable[TokenEvent]) -> Run:
    """An answer that comes, timed by the engine. Raises EngineError."""
    tokens: list[int] = []
    stats: RequestStats | None = None
    for event in events:
        if event.token is not None:
            tokens.append(event.token)
        if event.finish_reason == "error":
            raise EngineError(event.error or "The engine ended an answer without a reason.")
        stats = event.stats or stats
    if stats is None or len(tokens) < 2:
        raise UsageError(f"An answer has {len(tokens)} tokens; a speed can be told from 2 on.")
    # Where all of it was guessed with the first token, no time is left behind that, and the whole answer's counts.
    seconds = (stats.total_seconds - stats.first_token_seconds) or stats.total_seconds
    drafted, accepted = sum(each.drafted for each in stats.drafts), sum(each.accepted for each in stats.drafts)
    return Run(tokens, (len(tokens) - 1) / seconds, drafted, accepted)


def compared(
    text: str,
    drafters: tuple[str, ...],
    answer: Answer,
    params: SamplingParams,
    rounds: int,
    *,
    exact: bool = True,
    bandwidth: Callable[[], float] | None = None,
) -> Comparison:
    """Rounds of an answer without guesses and with those of the drafters, in turn, which of them first changing; in a
    round before these, which does not count, the engine learns. Raises EngineError where `exact` answers differ."""
    plain, guessed = replace(params, drafters=()), replace(params, drafters=drafters)
    runs: list[dict[bool, Run]] = []
    bandwidths: list[float] = []
    for number in range(rounds + 1):
        if number and bandwidth is not None:
            bandwidths.append(bandwidth())
        order = (True, False) if number % 2 else (False, True)
        runs.append({guesses: answer(guessed if guesses else plain) for guesses in order})
        if exact and runs[-1][True].tokens != runs[-1][False].tokens:
            raise EngineError(f"Guesses of {', '.join(drafters)} changed the answer to {text!r}; please report it.")
    return Comparison(
        text,
        drafters[0] if len(drafters) == 1 else "together",
        tuple(run[False].speed for run in runs[1:]),
        tuple(run[True].speed / run[False].speed for run in runs[1:]),
        sum(run[True].drafted for run in runs[1:]),
        sum(run[True].accepted for run in runs[1:]),
        tuple(bandwidths),
    )


def benchmark_speculation(
    model: CausalLM, tokens: int, rounds: int, bandwidth: Callable[[], float] | None = None
) -> Iterator[Comparison]:
    """Every text by every drafter that the model has, and by all together where there are several. What stood in other
    chats guesses an answer that was given before, and so it is alone. Raises UsageError for a model that has none."""
    names = tuple(count.drafter for count in model.engine_stats().drafts)
    if not names:
        raise UsageError(f"{model.name_or_path} has nobody who guesses, so there is nothing to compare.")
    others = tuple(name for name in names if name != OtherChats.name)
    settings = [(name,) for name in names] + ([others] if len(others) > 1 else [])
    ends = model.decide(Flags(GenerationConfig(do_sample=False), None, model.generation_config), 1).params.eos
    params = SamplingParams(max_tokens=tokens, min_tokens=min(SHORTEST, tokens), eos=ends)
    prompts = prompts_of(model.tokenizer)
    for drafters in settings:
        for text, prompt in prompts.items():
            yield compared(
                text,
                drafters,
                lambda asked, prompt=prompt: run_of(model.stream(prompt, asked)),  # type: ignore[misc]
                params,
                rounds,
                exact=model.backend == "native",
                bandwidth=bandwidth,
            )
