"""Small sums: additions and subtractions up to two digits, products up to 12 × 12, and what lies beyond.

Pairs of numbers are held out by a stable hash for additions and subtractions; products are a table to be learned.
"""

from __future__ import annotations

from random import Random

from training.dialogues import unseen
from training.dialogues.phrasing import bucket, expand, noisy
from training.dialogues.topic import Turn

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
SPOKEN = {"+": ("+", "+", "plus", "and"), "-": ("-", "-", "minus", "less"), "×": ("*", "x", "×", "times", "multiplied by")}
ASK = ("what is {e}?", "what's {e}?", "{e}", "{e}?", "{e} =", "how much is {e}?", "calculate {e}", "compute {e}", "[can|could] you compute {e}?",
       "tell me {e}", "what does {e} make?", "and what is {e}?", "please calculate {e}", "do you know {e}?", "what is the result of {e}?",
       "solve {e}", "how much does {e} make?", "can you do {e}?", "what do I get for {e}?",
       "work out {e} for me", "what is the value of {e}?", "{e} equals what?", "give me the answer to {e}")
NEXT = {"+": ("plus {b}?", "and plus {b}?", "add {b}", "now add {b}", "and {b} more?", "add {b} to that", "+ {b}", "+{b}?",
              "then add {b} to it", "and with {b} added?", "now increase it by {b}", "and {b} on top of that?", "[raise|increase|enlarge] [it|that|this|the result] by {b}",
              "[and|now|then|] [with|] {b} [more|extra|on top|further|in addition]", "[put|give|lay] {b} [on top|more to it|on it]", "[and|what|then|] plus another {b}", "[and if I|if I|I] add {b}[ more| to that|]?",
              "[that|it|the result|this] [+|plus|and] {b}", "[what|how much] is [it|that] [plus|and|with] {b}[ more|]?", "[sum|add] that [and|with|to] {b}", "{b} [more|extra|on top][ please|?|]"),
        "-": ("minus {b}?", "and minus {b}?", "subtract {b}", "now take away {b}", "subtract {b} from that", "- {b}", "take {b} away",
              "then subtract {b} from it", "and with {b} taken off?", "now lower it by {b}", "and {b} less than that?", "[reduce|decrease|lower|diminish] [it|that|this|the result] by {b}",
              "[and|now|then|] {b} [less|fewer|off|away]", "[drop|deduct|remove|take] {b} [from it|from that|off|of it]", "[and|what|then|] minus another {b}", "[and if I|if I|I] [subtract|take away|remove] {b}[ from that| from it|]?",
              "[that|it|the result|this] [-|minus|less] {b}", "[what|how much] is [it|that] [minus|less|without] {b}?", "[now|and] without {b}", "{b} [less|fewer|off][ please|?|]")}
HOLE = "{b}"
BEYOND = ("what is {x} [*|x|times] {y}?", "what is {x} [/|divided by] {z}?", "{x} [*|x] {y}", "the square root of {x}", "what is {z} percent of {x}?",
          "{x} / {z}", "calculate {x} [*|times] {y}", "what is {x} squared?", "what is {x} to the power of {z}?", "{x} + {y}", "what is {x} plus {y}?",
          "what is {x} - {y}?", "solve y + {z} = {x}", "what is the derivative of x^{z}?", "is {x} a prime number?", "divide {x} by {z}")
LIMIT = "That is too much for me: I only add and subtract up to two digits, and multiply up to 12 × 12."


def held_out(a: int, sign: str, b: int) -> bool:
    return sign != "×" and bucket("sum", a, sign, b, of=12) == 0


def result(a: int, sign: str, b: int) -> int:
    return a + b if sign == "+" else a - b if sign == "-" else a * b


def draw(rng: Random) -> tuple[int, str, int]:
    kind = rng.random()
    if kind < 0.2:
        return rng.randint(0, 12), "×", rng.randint(0, 12)
    top = 99 if rng.random() < 0.7 else 12
    a, b = rng.randint(0, top), rng.randint(0, top)
    if kind < 0.65:
        return a, "+", b
    return (a, "-", b) if rng.random() < 0.15 else (max(a, b), "-", min(a, b))


def spoken(a: int, sign: str, b: int, rng: Random) -> str:
    word = rng.choice(SPOKEN[sign])
    if a <= 12 and b <= 12 and word.isalpha() and word != "x" and rng.random() < 0.4:
        return f"{WORDS[a]} {word} {WORDS[b]}"
    tight = rng.random() < 0.35 and not (word.isalpha() and word != "x")
    return f"{a}{word}{b}" if tight else f"{a} {word} {b}"


def turn(a: int, sign: str, b: int, user: str, group: str) -> Turn:
    answer = f"{a} {sign} {b} = {result(a, sign, b)}."
    return Turn(user, answer, answer, answer, (f"#= {result(a, sign, b)}",), None, group)


def first_turn(rng: Random, held: bool = False) -> tuple[Turn, int | None]:
    """A sum that stands alone, and its result, to which a next question may refer."""
    if not held and rng.random() < 0.1:
        return beyond(rng), None
    for _ in range(2000):
        a, sign, b = draw(rng)
        if held_out(a, sign, b) == held:
            break
    form = rng.choice(unseen.ASK_SUM if held and rng.random() < 0.5 else ASK)
    return turn(a, sign, b, noisy(expand(form, rng).replace("{e}", spoken(a, sign, b, rng)), rng, 0.6), "sum"), result(a, sign, b)


def next_turn(last: int, rng: Random, held: bool = False) -> tuple[Turn, int] | None:
    """A sum that goes on from the last result; None where no number within the range fits."""
    for _ in range(300):
        sign = rng.choice("+-")
        b = rng.randint(1, 20)
        if not 0 <= last <= 99 or (sign == "-" and b > last):
            continue
        if held_out(last, sign, b) == held:
            form = rng.choice((unseen.NEXT_SUM if held and rng.random() < 0.5 else NEXT)[sign])
            user = noisy(expand(form, rng).replace(HOLE, str(b)), rng, 0.6)
            return turn(last, sign, b, user, "sum next"), result(last, sign, b)
    return None


def beyond(rng: Random) -> Turn:
    user = expand(rng.choice(BEYOND), rng)
    for key, low, high in (("{x}", 100, 9999), ("{y}", 101, 9999), ("{z}", 2, 20)):
        user = user.replace(key, str(rng.randint(low, high)))
    return Turn(noisy(user, rng, 0.6), LIMIT, "I only do small sums.", LIMIT, (("too much", "small sums"),), None, "sum")
