"""Questions about the memory that a model needs: its parameters times the bytes of each.

Combinations of a size and a precision are held out by a stable hash, so that an evaluation asks for products never seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random

from training.dialogues import unseen
from training.dialogues.phrasing import bucket, expand, noisy
from training.dialogues.topic import Turn

BILLIONS = ("0.5", "0.6", "1", "1.1", "1.5", "1.7", "2", "3", "3.8", "4", "6", "6.7", "7", "8", "9", "10", "11", "12", "13", "14", "15", "20", "22",
            "24", "27", "30", "32", "34", "35", "40", "65", "70", "72", "90", "100", "104", "110", "120", "123", "132", "141", "180", "235", "314", "405")
MILLIONS = ("70", "100", "125", "135", "150", "160", "200", "270", "300", "350", "360", "400", "410", "500", "600", "700", "800", "900")
MIXTURES = {"8x7B": ("47", "13"), "8x22B": ("141", "39"), "30B-A3B": ("30", "3"), "235B-A22B": ("235", "22"), "141B-A35B": ("141", "35"),
            "57B-A14B": ("57", "14"), "120B-A5B": ("120", "5"), "16B-A3B": ("16", "3"), "80B-A3B": ("80", "3")}
FAMILIES = ("Llama", "Llama 3", "llama 3", "Llama 3.1", "Llama-3.2", "Qwen", "Qwen2.5", "Qwen3", "qwen", "Mistral", "mistral", "SmolLM2", "Gemma", "Phi")
GIGABYTES = (2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 80, 96, 128, 192, 256)


@dataclass(frozen=True)
class Precision:
    name: str
    bytes: str
    words: str  # how users call it, a grammar


PRECISIONS = (
    Precision("bf16", "2", "[bf16|bf16|bfloat16|16-bit|16 bit|16 bits|float16|fp16|half precision]"),
    Precision("8-bit", "1", "[8-bit|8-bit|8 bit|8 bits|int8|8bit|eight bits]"),
    Precision("4-bit", "0.5", "[4-bit|4-bit|4 bit|4 bits|int4|4bit|nf4|four bits]"),
    Precision("float32", "4", "[float32|fp32|32-bit|32 bit|32 bits|full precision]"),
)

ASK = (
    "how much memory does [a|an|the] {s} model need [in|with|at] {p}?", "how much [RAM|memory|VRAM] do I need for [a|an] {s} model in {p}?",
    "memory for {s} in {p}", "how many [GB|gigabytes] does {s} need in {p}?", "{s} in {p}: how much memory?", "{s} {p} memory",
    "what does [a|an] {s} model need in {p}?", "how big is [a|an] {s} model in {p}?", "I want to run [a|an] {s} model in {p}, how much memory?",
    "[memory|RAM] of [a|an] {s} model in {p}?", "how much memory for [a|an] {p} {s} model?", "what memory does {s} take in {p}?",
    "how large is {s} in {p}?", "tell me the memory of a {s} model in {p}", "how much space does [a|an] {s} model take in {p}?",
    "how many GB for {s} at {p}?", "{s} model, {p}, how many GB?", "how much RAM to run {s} in {p}?", "what is the size of a {s} model in {p}?",
    "can you tell me how much memory {s} needs in {p}?", "if I load a {s} model in {p}, how much memory does it use?",
    "how much memory is needed for [a|an] {s} model with {p} weights?", "how much memory will {s} use in {p}?", "weight of {s} in {p}?",
    "in {p}, how much memory does [a|an|] {s} [model|] need?", "{p}: [memory|RAM|size] of {s}", "with {p}, how big is [a|an|] {s} [model|]?", "at {p}, how much [memory|RAM] for {s}?",
    "say I use {p}: how much memory for {s}?", "{p} {s}", "I use {p}. how much memory does a {s} model need?", "{s} at {p}", "need memory for {s}, {p}",
    "what is the memory of {s} if I use {p}?", "[a|an] {p} {s} model [needs|takes] how much?",
    "what amount of memory should I plan for a {s} model in {p}?", "in {p}, how many gigabytes is {s}?", "I have a {s} model; what will it take in {p}?",
    "how much does {s} occupy with {p}?", "tell me how many GB {s} would be in {p}",
)
PLAIN = tuple(form.replace(" in {p}", "").replace(" at {p}", "").replace(" with {p}", "") for form in
              ASK if " in {p}" in form or " at {p}" in form)
PLAIN = tuple(form for form in PLAIN if "{p}" not in form)
FIT = (
    "does a {s} model in {p} fit in {g} GB?", "[can|could] I run [a|an] {s} model in {p} [with|on] {g} GB?", "will {s} in {p} fit in {g} GB?",
    "I have {g} GB, can I run {s} in {p}?", "is {g} GB enough for {s} in {p}?", "does {s} fit in {g} GB in {p}?",
    "I have {g} GB of [RAM|memory]. does a {s} model fit in {p}?", "{g} GB for {s} in {p}, is it enough?", "can {g} GB hold a {s} model in {p}?",
    "are {g} GB ok for a {s} model in {p}?", "with {g} GB, can I load {s} in {p}?", "do {g} GB suffice for {s} in {p}?", "my [laptop|computer|GPU|server] has {g} GB. [can I run|does it run|is it ok for] {s} in {p}?",
    "I [have|own] {g} GB of [RAM|memory|VRAM]. [can I|may I|could I] [run|load|use] [a|an] {s} [model|] in {p}?", "[a|an] {s} model in {p} on {g} GB?", "will [a|an] {s} model in {p} fit into {g} GB of memory?",
    "{s} {p} on {g} GB", "does {g} GB hold {s} at {p}?",
    "would {g} GB do for a {s} model in {p}?", "my machine has {g} GB, is that enough for a {s} model in {p}?",
)
NEXT_PRECISION = ("and in {p}?", "what about {p}?", "and {p}?", "in {p}?", "how about {p}?", "and with {p}?", "and if it is in {p}?",
                  "and quantized to {p}?", "how much in {p}?", "what if I use {p}?", "now in {p}", "same in {p}?", "and at {p}?", "{p}?",
                  "what would it be in {p}?", "then in {p}?", "how much would that be with {p}?", "now suppose {p}", "what does it take in {p}?", "and stored as {p}?",
                  "[assume|imagine|suppose|let us say|say] {p}[ instead| now|]", "[convert|change|switch|turn] it to {p}", "[and|but|what] if [I|we] [use|take|choose|load it in|keep it in] {p}?",
                  "[how|and how] [big|large|heavy|much] [is it|would it be|is that] [in|at|with|as] {p}?", "[held|kept|loaded|saved|stored|quantized] [in|as|at|to] {p}?", "{p} instead[ please|?|]", "[the same|that|it] [in|with|at] {p}[ please|?|]")
NEXT_SIZE = ("and for [a|an] {s}?", "what about {s}?", "and [a|an] {s} model?", "how about [a|an] {s}?", "and {s}?", "and {s} then?", "for {s}?",
             "what about [a|an] {s} model?", "and if it is [a|an] {s} model?", "now {s}", "same for {s}?", "{s}?", "how much for {s}?",
             "then a {s} one?", "what would a {s} need?", "and if I take {s}?", "and with {s} instead?", "now suppose it is {s}", "what does a {s} model take?",
             "[assume|imagine|suppose|let us say|say] [a|] {s}[ model|][ instead|]", "[and|but|what] if [I|we] [use|take|choose|load|have] [a|] {s}[ model|]?", "[how|and how] [big|large|heavy|much] is [a|] {s}[ model| one|]?",
             "{s} instead[ please|?|]", "[the same|that] for [a|] {s}[ model|][ please|?|]", "[another size|a different size|other size]: {s}")
WHY = ("why?", "why is that?", "how do you know?", "how did you compute that?", "why so much?", "how so?", "how do you get that?", "explain that")
MEANING = ("what does {s} mean?", "what is {s}?", "what does {s} stand for?", "what does the {s} in a name mean?", "what does {s} in a model name mean?",
           "explain {s}", "{s}?", "what means {s}?")
PER_PARAMETER = ("how many bytes per parameter in {p}?", "bytes per parameter in {p}", "how many bytes does a parameter take in {p}?",
                 "how much memory per parameter with {p}?", "how many bytes is one weight in {p}?")


def number(value: Decimal) -> str:
    """12.50 → 12.5, 14.0 → 14."""
    return format(value.normalize(), "f")


def held_out(size: str, precision: Precision) -> bool:
    return bucket("memory", size, precision.name, of=7) == 0


@dataclass(frozen=True)
class Need:
    """A size in a precision: what the question is about and the next one may refer to."""

    size: str
    precision: Precision

    @property
    def count(self) -> str:
        """The number of parameters that must be kept, with its unit, as in 47B."""
        return MIXTURES[self.size][0] + "B" if self.size in MIXTURES else self.size

    @property
    def amount(self) -> str:
        """The memory with its unit, as in 94 GB."""
        unit = " GB" if self.count.endswith("B") else " MB"
        return number(Decimal(self.count[:-1]) * Decimal(self.precision.bytes)) + unit

    def sum(self) -> str:
        unit = "byte" if self.precision.bytes == "1" else "bytes"
        return f"{self.count} × {self.precision.bytes} {unit} = about {self.amount}"

    def answer(self) -> str:
        if self.size not in MIXTURES:
            return f"{self.sum()} in {self.precision.name}, and some more for the cache."
        active = MIXTURES[self.size][1]
        return f"{self.size} has about {self.count} parameters: {self.sum()} in {self.precision.name}; only about {active}B are read for each token."


def draw_size(rng: Random) -> str:
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(BILLIONS) + "B"
    if kind < 0.62:
        return rng.choice(MILLIONS) + "M"
    if kind < 0.74:
        return rng.choice(tuple(MIXTURES))
    if kind < 0.87:
        return f"{rng.randint(1, 130)}B"
    return f"{rng.randint(1, 99) / 10:g}B" if kind < 0.96 else f"{rng.randint(10, 999)}M"


def draw(rng: Random, held: bool, size: str | None = None, precision: Precision | None = None) -> Need:
    """A combination that is (or is not) held out; a given size or precision stays."""
    for _ in range(200):
        need = Need(size or draw_size(rng), precision or rng.choice(PRECISIONS))
        if held_out(need.size, need.precision) == held:
            return need
    return need


def spoken_size(size: str, rng: Random) -> str:
    kind = rng.random()
    if size not in MIXTURES and kind < 0.1:
        return f"{rng.choice(FAMILIES)}{rng.choice((' ', ' ', '-'))}{size if rng.random() < 0.7 else size.lower()}"
    if size in MIXTURES or kind < 0.7:
        return size if rng.random() < 0.85 else size.lower()
    unit = "billion" if size.endswith("B") else "million"
    return f"{size[:-1]} {unit} parameter" if kind < 0.8 else f"{size[:-1]} {size[-1]}"


def fill(form: str, need: Need, rng: Random, gigabytes: int = 0) -> str:
    words = {"{s}": spoken_size(need.size, rng), "{p}": expand(need.precision.words, rng), "{g}": str(gigabytes)}
    for key, value in words.items():
        form = form.replace(key, value)
    if rng.random() < 0.25:
        form = form.replace(f"{gigabytes} GB", f"{gigabytes}{rng.choice(('GB', 'gb', 'G', ' gigabytes'))}")
    return noisy(expand(form, rng), rng)


def turn(need: Need, user: str, group: str = "memory") -> Turn:
    more = "8-bit takes 1 byte a parameter, 4-bit half a byte, bf16 2 bytes."
    return Turn(user, need.answer(), f"{need.sum()}.", f"{need.answer()} {more}", (f"#{need.amount}",), None, group)


def fit_turn(rng: Random, held: bool) -> tuple[Turn, Need]:
    need = draw(rng, held)
    amount, unit = Decimal(need.amount.split()[0]), need.amount.split()[1]
    in_gb = amount if unit == "GB" else amount / 1000
    room = [g for g in GIGABYTES if abs(Decimal(g) / in_gb - 1) > Decimal("0.12") and Decimal("0.2") < Decimal(g) / in_gb < 6] or [16]
    gigabytes = rng.choice(room)
    fits = in_gb < gigabytes
    verdict = f"so yes, it fits in {gigabytes} GB" if fits else f"so no, it does not fit in {gigabytes} GB"
    user = fill(rng.choice(unseen.FIT if held else FIT), need, rng, gigabytes)
    answer = f"{need.sum()}, {verdict}."
    return Turn(user, answer, answer, answer, ("so yes" if fits else "so no", f"#{need.amount}"), None, "memory fit"), need


def first_turn(rng: Random, held: bool = False) -> tuple[Turn, Need | None]:
    """A question that stands alone, and the combination that a next question may refer to."""
    kind = rng.random()
    if kind < 0.14:
        return fit_turn(rng, held)
    if kind < 0.22 and not held:
        return meaning_turn(rng), None
    if kind < 0.26 and not held:
        precision = rng.choice(PRECISIONS)
        user = noisy(expand(rng.choice(PER_PARAMETER).replace("{p}", precision.words), rng), rng)
        unit = "byte" if precision.bytes == "1" else "bytes"
        return Turn(user, f"{precision.name} takes {precision.bytes} {unit} a parameter.", need=(f"#{precision.bytes} byte",), group="memory"), None
    if kind < 0.42 and not held:
        need = draw(rng, held, precision=PRECISIONS[0])
        return turn(need, fill(rng.choice(PLAIN), need, rng)), need
    need = draw(rng, held)
    return turn(need, fill(rng.choice(unseen.ASK_MEMORY if held and rng.random() < 0.5 else ASK), need, rng)), need


def meaning_turn(rng: Random) -> Turn:
    size = draw_size(rng)
    user = noisy(expand(rng.choice(MEANING).replace("{s}", size), rng), rng)
    if size not in MIXTURES:
        words = f"{size[:-1]} {'billion' if size.endswith('B') else 'million'}"
        return Turn(user, f"{size} means {words} parameters.", need=(words,), group="memory")
    total, active = MIXTURES[size]
    answer = f"{size} is a mixture of experts with about {total}B parameters, of which about {active}B are active for each token."
    return Turn(user, answer, need=(f"#{total}b", f"#{active}b"), group="memory")


def next_turn(last: Need, rng: Random, held: bool = False) -> tuple[Turn, Need]:
    """A question that needs the turn before: another precision, another size, or why."""
    kind = rng.random()
    if kind < 0.12 and not held:
        unit = "byte" if last.precision.bytes == "1" else "bytes"
        answer = f"Because each parameter takes {last.precision.bytes} {unit} in {last.precision.name}: {last.count} × {last.precision.bytes} = {last.amount}."
        return Turn(noisy(rng.choice(WHY), rng), answer, need=(f"#{last.amount}",), group="memory next", fixed=True), last
    held_form = held and rng.random() < 0.5
    if kind < 0.58:
        other = [p for p in PRECISIONS if p is not last.precision and held_out(last.size, p) == held]
        if other:
            need = Need(last.size, rng.choice(other))
            return turn(need, fill(rng.choice(unseen.NEXT_PRECISION if held_form else NEXT_PRECISION), need, rng), "memory next"), need
    need = draw(rng, held, precision=last.precision)
    return turn(need, fill(rng.choice(unseen.NEXT_SIZE if held_form else NEXT_SIZE), need, rng), "memory next"), need
