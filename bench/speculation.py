"""What guessing tokens gains: by how often guesses are right, and on texts of several kinds by prompt lookup, by the
model's own shadow and by a draft model.

    python bench/speculation.py MODEL [--tokens N] [--rounds N] [--threads N] [--draft MODEL]
                                [--draft-quantization FORMAT]

Each answer is made in turn without guesses and with them, by the same seed, and must be the same to the last token. A
figure is the median of the rounds' ratios of tokens a second after the first; of a text the first answer is not
counted. Prints two tables and, as the last line, the same as JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from causerie import AutoModelForCausalLM, AutoTokenizer
from causerie.api.assistant import draft_model
from causerie.decoding.drafting.drafter import Ask, Draft, Drafter
from causerie.decoding.drafting.lookup import PromptLookup
from causerie.decoding.params import SamplingParams
from causerie.engine.assistant.shadow import ShadowDrafter
from causerie.engine.engine import Engine
from causerie.models.model import StepModel

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
TEXTS = {
    "a list as JSON": f"Write this list as JSON with the keys city, people and country:\n\n{LIST}",
    "prose": "Tell me a story about a fox who learns to swim.",
    "an explanation": "Why is the sky blue? Explain it to a child.",
}
CHANCES = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)


@dataclass
class Oracle:
    """A drafter that knows the answer, and whose tokens are right as often as is said."""

    chance: float
    text: list[int]
    name: str = "oracle"
    chances: Sequence[float] = (0.5,)
    random: Random = field(default_factory=lambda: Random(1))

    def propose(self, asks: Sequence[Ask]) -> list[Draft]:
        """See Drafter."""
        drafts = []
        for ask in asks:
            right = self.text[len(ask.tokens) : len(ask.tokens) + ask.most]
            draft = [token if self.random.random() < self.chance else token ^ 1 for token in right]
            drafts.append(Draft(draft, [0] * len(draft)))
        return drafts

    def forget(self, request: int) -> None:
        """See Drafter."""


@dataclass
class Run:
    """One answer."""

    tokens: list[int]
    speed: float  # tokens a second after the first
    drafted: int
    accepted: int


def answer(engine: Engine, prompt: list[int], params: SamplingParams) -> Run:
    """Has an engine answer a prompt."""
    engine.submit(engine.request(prompt, params))
    tokens: list[int] = []
    drafted = accepted = 0
    begun = time.perf_counter()
    while engine.busy:
        for event in engine.step():
            if event.token is not None:
                if not tokens:
                    begun = time.perf_counter()
                tokens.append(event.token)
            if event.stats is not None:
                drafted = sum(count.drafted for count in event.stats.drafts)
                accepted = sum(count.accepted for count in event.stats.drafts)
    return Run(tokens, (len(tokens) - 1) / (time.perf_counter() - begun), drafted, accepted)


def compared(
    model: StepModel, drafter: Drafter, prompt: list[int], params: SamplingParams, rounds: int
) -> dict[str, float]:
    """Rounds of an answer without guesses and with a drafter's, in turn, which of them first changing."""
    plain, guessing = Engine(model), Engine(model, drafters=(drafter,))
    ratios, speeds = [], []
    drafted = accepted = 0
    for number in range(rounds):
        pair = [plain, guessing] if number % 2 else [guessing, plain]
        runs = {engine: answer(engine, prompt, params) for engine in pair}
        assert runs[plain].tokens == runs[guessing].tokens, "a guess changed the answer"
        ratios.append(runs[guessing].speed / runs[plain].speed)
        speeds.append(runs[plain].speed)
        drafted += runs[guessing].drafted
        accepted += runs[guessing].accepted
    return {
        "plain": statistics.median(speeds),
        "ratio": statistics.median(ratios),
        "least": min(ratios),
        "most": max(ratios),
        "drafted": drafted,
        "accepted": accepted,
    }


def line(name: str, figures: dict[str, float]) -> str:
    """One row of a table."""
    return (
        f"| {name} | {figures['plain']:.1f} | {figures['ratio']:.2f} | {figures['least']:.2f} to {figures['most']:.2f} "
        f"| {figures['accepted']:.0f} of {figures['drafted']:.0f} |"
    )


def prompts_of(tokenizer: Any) -> dict[str, list[int]]:
    """The texts as a model's tokens."""
    prompts = {
        name: tokenizer.apply_chat_template(
            [{"role": "user", "content": text}], add_generation_prompt=True, return_dict=True
        )["input_ids"]
        for name, text in TEXTS.items()
    }
    return {"code, once more": tokenizer(AGAIN)["input_ids"], **prompts}


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model")
    options.add_argument("--tokens", type=int, default=256)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--threads", type=int)
    options.add_argument("--quantization")
    options.add_argument("--draft", help="a smaller model with the same tokenizer")
    options.add_argument("--draft-quantization", help="what that is held in")
    wishes = options.parse_args()
    head = "tokens/s without | with guesses | least to most | right |\n|---|---|---|---|---|"
    report: dict[str, dict[str, float]] = {}
    with AutoModelForCausalLM.from_pretrained(
        wishes.model,
        threads=wishes.threads,
        quantization=wishes.quantization,
        progress=False,
        speculation="shadow",
    ) as owner:
        model, tokenizer = owner.step_model, AutoTokenizer.from_pretrained(wishes.model)
        prompts = prompts_of(tokenizer)
        params = SamplingParams(max_tokens=wishes.tokens, temperature=1.0, seed=1)
        prompt = prompts["prose"]
        text = prompt + answer(Engine(model), prompt, params).tokens
        print(f"| guesses that are right | {head}")
        for chance in CHANCES:
            oracle = Oracle(chance, text)
            report[f"oracle {chance}"] = compared(model, oracle, prompt, params, wishes.rounds)
            print(line(f"{chance:.0%}", report[f"oracle {chance}"]), flush=True)
        params = SamplingParams(max_tokens=wishes.tokens, eos=(tokenizer.eos_token_id,))
        assert model.shadow is not None
        drafters: list[Drafter] = [PromptLookup(), ShadowDrafter(model.shadow)]
        if wishes.draft is not None:
            other = AutoModelForCausalLM.from_pretrained(
                wishes.draft, backend="native", progress=False, quantization=wishes.draft_quantization
            )
            drafters.append(draft_model(other.step_model, model))
        for drafter in drafters:
            print(f"\n| text, by {drafter.name} | {head}")
            for name, prompt in prompts.items():
                report[f"{drafter.name} {name}"] = figures = compared(model, drafter, prompt, params, wishes.rounds)
                print(line(name, figures), flush=True)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
