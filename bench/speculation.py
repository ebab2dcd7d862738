"""What guessing tokens gains: by how often guesses are right, and on texts of several kinds by prompt lookup, by the
model's own shadow and by a draft model.

    python bench/speculation.py MODEL [--tokens N] [--rounds N] [--threads N] [--draft MODEL]
                                [--draft-quantization FORMAT]

Each answer is made in turn without guesses and with them, by the same seed, and must be the same to the last token. A
figure is the median of the rounds' ratios of tokens a second after the first; the first round is not counted. Prints
tables and, as the last line, the same as JSON. `causerie bench --speculation` has all but the first of them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from random import Random
from typing import Any

from causerie import AutoModelForCausalLM
from causerie.api.measurement.speculation_benchmark import (
    Comparison,
    Run,
    benchmark_speculation,
    compared,
    prompts_of,
    run_of,
)
from causerie.decoding.drafting.drafter import Ask, Draft
from causerie.decoding.params import SamplingParams
from causerie.engine.engine import Engine
from causerie.engine.request import TokenEvent

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


def answer(engine: Engine, prompt: list[int], params: SamplingParams) -> Run:
    """Has an engine answer a prompt."""
    engine.submit(engine.request(prompt, params))
    return run_of(events(engine))


def events(engine: Engine) -> Iterator[TokenEvent]:
    """What an engine gives until nothing runs."""
    while engine.busy:
        yield from engine.step()


def line(name: str, comparison: Comparison) -> str:
    """One row of a table."""
    ratios = comparison.ratios
    return (
        f"| {name} | {comparison.speed:.1f} | {comparison.ratio:.2f} | {min(ratios):.2f} to {max(ratios):.2f} "
        f"| {comparison.accepted} of {comparison.drafted} |"
    )


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
    report: dict[str, dict[str, Any]] = {}
    with AutoModelForCausalLM.from_pretrained(
        wishes.model,
        threads=wishes.threads,
        quantization=wishes.quantization,
        progress=False,
        speculation="shadow",
    ) as model:
        # First, as its own engine, whose cache these overwrite, has nothing there yet.
        params = SamplingParams(max_tokens=wishes.tokens, temperature=1.0, seed=1)
        prompt = prompts_of(model.tokenizer)["prose"]
        text = prompt + answer(Engine(model.step_model), prompt, params).tokens
        print(f"| guesses that are right | {head}")
        for chance in CHANCES:
            engine = Engine(model.step_model, drafters=(Oracle(chance, text),))
            comparison = compared(
                f"oracle {chance}", ("oracle",), partial(answer, engine, prompt), params, wishes.rounds
            )
            report[comparison.text] = asdict(comparison)
            print(line(f"{chance:.0%}", comparison), flush=True)
        if wishes.draft is not None:
            other = AutoModelForCausalLM.from_pretrained(
                wishes.draft, backend="native", progress=False, quantization=wishes.draft_quantization
            )
            model.assist(other, unasked=False)
        drafter = ""
        for comparison in benchmark_speculation(model, wishes.tokens, wishes.rounds):
            if comparison.drafter != drafter:
                drafter = comparison.drafter
                print(f"\n| text, by {drafter} | {head}")
            report[f"{drafter} {comparison.text}"] = asdict(comparison)
            print(line(comparison.text, comparison), flush=True)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
