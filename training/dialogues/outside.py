"""Questions outside the assistant's field, to which it says politely that it does not know.

The forms are those of the field's own questions too, so that the subject decides. Besides named subjects there are
invented words, which stand for all that nobody thought of. One named subject in eight is held out.
"""

from __future__ import annotations

from random import Random

from training.dialogues import subjects, unseen
from training.dialogues.forms import TRAINED, composed
from training.dialogues.phrasing import bucket, expand, invented, noisy
from training.dialogues.topic import Need, Turn

KNOW = "Sorry, I do not know that: I am tiny and know only Causerie."
DO = "Sorry, I cannot do that: I am tiny and know only Causerie. Try a larger model with `causerie chat MODEL`."
REFUSED: Need = (("do not know", "cannot do that", "know only causerie"),)
BRIEF = {KNOW: "I do not know that.", DO: "I cannot do that."}
KINDS = (("thing", subjects.THINGS, 5), ("act", subjects.ACTS, 5), ("why", subjects.CLAUSES, 2), ("versus", subjects.PAIRS, 1.5))


def held_out(subject: str) -> bool:
    return bucket("outside", subject, of=8) == 0


def pick(choices: tuple[str, ...], rng: Random, held: bool) -> str:
    for _ in range(500):
        choice = rng.choice(choices)
        if held_out(choice) == held:
            return choice
    return choices[0]


def thing(rng: Random, held: bool) -> str:
    """A subject with its article: a named one, or an invented word."""
    if rng.random() < 0.15:
        return pick(subjects.COMPOUNDS, rng, held)
    if rng.random() < 0.22 and not held:
        return rng.choice(("", "", "a ", "the ")) + invented(rng) + rng.choice(("", "", "", " " + invented(rng)))
    return pick(subjects.THINGS, rng, held)


def person(rng: Random, held: bool) -> str:
    if rng.random() < 0.3 and not held:
        return invented(rng).title() + rng.choice(("", " " + invented(rng).title()))
    return pick(subjects.PEOPLE, rng, held)


def place(rng: Random, held: bool) -> str:
    return invented(rng).title() if rng.random() < 0.2 and not held else pick(subjects.PLACES, rng, held)


def fill(form: str, rng: Random, held: bool) -> str:
    """Expand a form whose holes are {t} a thing, {c} a place, {n} a person."""
    form = expand(form, rng)
    for hole, draw in (("{t}", thing), ("{c}", place), ("{n}", person)):
        if hole in form:
            form = form.replace(hole, draw(rng, held))
    return form


def shared_form(rng: Random, held: bool) -> str:
    """A question in a form of the field, about a subject that is not of the field."""
    kind, choices, _ = rng.choices(KINDS, [weight for *_, weight in KINDS])[0]
    forms = unseen.FORMS[kind] if held and rng.random() < 0.5 else (*TRAINED[kind], *composed(kind))
    if kind == "thing":
        chosen = person(rng, held) if rng.random() < 0.15 else thing(rng, held)
        if rng.random() < 0.12:
            chosen = f"the {pick(subjects.QUALITIES, rng, held)} of {chosen}"
    elif kind == "act" and rng.random() < 0.3:
        chosen = f"{pick(subjects.DEEDS, rng, held)} {thing(rng, held)}"
    else:
        chosen = pick(choices, rng, held)
        if kind == "act" and rng.random() < 0.3 and not held:
            chosen = chosen.split()[0] + rng.choice((" a ", " the ", " my ", " ")) + invented(rng)
    return expand(rng.choice(forms), rng).replace("{x}", chosen).replace(" with causerie", "").replace("causerie ", "you ")


def turn(rng: Random, held: bool = False) -> Turn:
    """A question outside the field and the polite refusal."""
    kind = rng.random()
    answer = KNOW
    if kind < 0.42:
        user = shared_form(rng, held)
    elif kind < 0.68:
        user = fill(pick(subjects.FACTS, rng, held and rng.random() < 0.5), rng, held) + "?"
    elif kind < 0.88:
        user, answer = fill(pick(subjects.TASKS, rng, held and rng.random() < 0.5), rng, held), DO
        polite = rng.choice(("", "", "", "please ", "can you ", "could you ", "I want you to "))
        user = polite + user if not user.startswith("what") else user + "?"
    else:
        user = pick(subjects.DISGUISED, rng, held)
    return Turn(noisy(user, rng), answer, BRIEF[answer], answer, REFUSED, None, "outside")
