"""Dialogues drawn from all topics: the training stream, and the held-out questions of the evaluation.

`dialogue(rng)` never uses a held-out form, combination or subject; `held_dialogue(rng, group)` ends with one.
The same seed gives the same dialogues.
"""

from __future__ import annotations

from functools import cache
from random import Random

from training.dialogues import (
    asked_1,
    asked_2,
    asked_3,
    asked_4,
    concepts,
    errors,
    flags,
    howto,
    identity,
    manners,
    memory,
    more_forms,
    outside,
    python_api,
    reasons,
    recall,
    sums,
    unseen,
)
from training.dialogues.follow import Follower
from training.dialogues.forms import TRAINED, composed
from training.dialogues.manners import Manner
from training.dialogues.phrasing import bucket, expand, noisy
from training.dialogues.topic import Dialogue, Topic, Turn

ALL: tuple[Topic, ...] = (*howto.TOPICS, *python_api.TOPICS, *concepts.TOPICS, *reasons.TOPICS, *errors.TOPICS, *flags.TOPICS, *identity.TOPICS)
BY_ID = {topic.id: topic for topic in ALL}
GRAMMARS = {
    topic.id: tuple(form for part in (more_forms, asked_1, asked_2, asked_3, asked_4) for form in part.FORMS.get(topic.id, ()))
    for topic in ALL
}
"""Whole questions of single topics, as grammars; some of them are held out."""
WEIGHTS = [topic.weight for topic in ALL]
GROUPS = (("topic", 52), ("outside", 38), ("memory", 13), ("sum", 7), ("name", 3), ("recall", 5))


# The share of dialogues that are nothing but sums, memory, recall or echoes, and which of them. Copying is learned late
# and all at once, and nearly everything rests on it (names, numbers, "shorter please"): a run begins with more of it.
DRILLS, DRILLS_AT_FIRST = 0.24, 0.34
PRACTICE = {"sum": 6, "memory": 4, "recall": 6, "echo": 3}
PRACTICE_AT_FIRST = {"sum": 6, "memory": 3, "recall": 5, "echo": 10}


def neighbour(topic: Topic, rng: Random) -> Topic:
    """Another topic of the same kind."""
    return rng.choice([other for other in ALL if other.kind == topic.kind and other is not topic])


FOLLOWER = Follower(BY_ID, neighbour)


@cache
def forms_of(topic: Topic, held: bool) -> list[str]:
    """The question forms of a topic: trained ones, or those held out (a form never trained, or a form never trained with it)."""
    shared = TRAINED.get(topic.kind, ()) if topic.names else ()
    if held:
        new = unseen.FORMS.get(topic.kind, ()) if topic.names else ()
        return [*own_forms(topic, True), *new, *(form for form in shared if pair_held(topic, form))]
    return [*own_forms(topic, False), *(form for form in shared if not pair_held(topic, form)), *(composed(topic.kind) if topic.names else ())]


@cache
def own_forms(topic: Topic, held: bool) -> list[str]:
    """The questions that only this topic has. Of the grammars one in twelve is held out; the others count twice, being wider."""
    chosen = [form for form in GRAMMARS[topic.id] if grammar_held(topic, form) == held]
    return chosen if held else [*topic.forms, *topic.once_held, *chosen, *chosen]


def grammar_held(topic: Topic, form: str) -> bool:
    return bucket("question", topic.id, form, of=12) == 0


def pair_held(topic: Topic, form: str) -> bool:
    return bucket("form", topic.id, form, of=14) == 0


def topic_turn(topic: Topic, rng: Random, held: bool = False) -> Turn:
    """A question about the topic; four in ten and more use its own forms, if it has a name too."""
    own = own_forms(topic, held)
    form = rng.choice(own) if own and (not topic.names or rng.random() < 0.4) else rng.choice(forms_of(topic, held))
    user = form.replace("{x}", rng.choice(topic.names)) if topic.names else form
    brief = topic.short if topic.kind != "talk" else ""
    return Turn(noisy(expand(user, rng), rng), topic.usual, brief, topic.full, topic.need, topic, topic.kind)


class Chat:
    """One dialogue while it is drawn: the turns so far and what a next question may refer to."""

    def __init__(self, rng: Random, manner: Manner) -> None:
        self.rng, self.manner = rng, manner
        self.turns: list[Turn] = []
        self.need: memory.Need | None = None
        self.total: int | None = None
        self.user_name = ""

    def add(self, turn: Turn) -> Turn:
        done = manners.apply(self.manner, turn)
        self.turns.append(done)
        return done

    def fresh(self) -> Turn:
        """A question that needs no turn before it."""
        rng, self.need, self.total = self.rng, None, None
        if self.manner.name and rng.random() < 0.4:
            return topic_turn(BY_ID[rng.choice(("name", "name", "who", "hello"))], rng)
        group = rng.choices([name for name, _ in GROUPS], [weight for _, weight in GROUPS])[0]
        if group == "topic":
            return topic_turn(rng.choices(ALL, WEIGHTS)[0], rng)
        if group == "outside":
            return outside.turn(rng)
        if group == "memory":
            turn, self.need = memory.first_turn(rng)
            return turn
        if group == "sum":
            turn, self.total = sums.first_turn(rng)
            return turn
        if group == "name":
            if self.user_name or rng.random() < 0.2:
                return recall.ask_name(self.user_name, rng)
            turn, self.user_name = recall.tell_name(rng)
            return turn
        return recall.echo(rng) if rng.random() < (0.2 if self.turns else 0.85) else recall.ask_last(self.turns, rng)

    def next(self) -> Turn:
        """Half of the time a follow-up where one is possible, else a fresh question."""
        rng = self.rng
        if self.turns and rng.random() < 0.55:
            if self.need:
                turn, self.need = memory.next_turn(self.need, rng)
                return turn
            if self.total is not None:
                found = sums.next_turn(self.total, rng)
                if found:
                    turn, self.total = found
                    return turn
            follow = FOLLOWER.turn(self.turns[-1], rng)
            if follow:
                self.need = self.total = None
                return follow
            if self.user_name and rng.random() < 0.3:
                return recall.ask_name(self.user_name, rng)
        return self.fresh()


def turn_count(rng: Random) -> int:
    kind = rng.random()
    if kind < 0.25:
        return 1
    if kind < 0.9:
        return rng.randint(2, 5)
    return rng.randint(6, 9) if kind < 0.985 else rng.randint(10, 45)


def dialogue(rng: Random, at_first: bool = False) -> Dialogue:
    """One training dialogue; `at_first` as in the beginning of a run."""
    practice = PRACTICE_AT_FIRST if at_first else PRACTICE
    if rng.random() < (DRILLS_AT_FIRST if at_first else DRILLS):
        return drill(rng, rng.choices(tuple(practice), tuple(practice.values()))[0])
    chat = Chat(rng, manners.draw(rng))
    for _ in range(turn_count(rng)):
        chat.add(chat.next())
    return Dialogue(chat.manner.system, tuple(chat.turns))


def drill(rng: Random, group: str) -> Dialogue:
    """Many sums, or questions about memory or about the chat itself, in a row: they are short and need practice."""
    chat = Chat(rng, Manner())
    for _ in range(rng.randint(4, 10) if group != "echo" else rng.randint(2, 4)):
        if group == "echo":
            turn = recall.echo(rng, most=16)
        elif group == "recall":
            turn = recall_practice(chat)
        elif group == "sum":
            going_on = sums.next_turn(chat.total, rng) if chat.total is not None and rng.random() < 0.4 else None
            turn, chat.total = going_on or sums.first_turn(rng)
        elif chat.need and rng.random() < 0.5:
            turn, chat.need = memory.next_turn(chat.need, rng)
        else:
            turn, chat.need = memory.first_turn(rng)
        chat.add(turn)
    return Dialogue(None, tuple(chat.turns), exact=True)


def recall_practice(chat: Chat) -> Turn:
    """An echo, a name told or asked for, what was said before, or something fresh to ask about."""
    rng = chat.rng
    kind = rng.random()
    if kind < 0.35:
        return recall.echo(rng)
    if kind < 0.45 or (kind < 0.55 and not chat.user_name):
        turn, chat.user_name = recall.tell_name(rng)
        return turn
    if kind < 0.55:
        return recall.ask_name(chat.user_name, rng)
    return recall.ask_last(chat.turns, rng) if chat.turns and kind < 0.8 else chat.fresh()


def held_question(chat: Chat, group: str) -> Turn | None:
    """A held-out question of the group; None where this chat allows none (draw another chat)."""
    rng = chat.rng
    if group == "topic":
        topic = rng.choice([topic for topic in ALL if forms_of(topic, True)])
        return topic_turn(topic, rng, held=True)
    if group == "memory":
        return memory.first_turn(rng, held=True)[0]
    if group == "sum":
        return sums.first_turn(rng, held=True)[0]
    if group == "outside":
        return outside.turn(rng, held=True)
    if not chat.turns:
        return None
    if group == "memory next":
        return memory.next_turn(chat.need, rng, held=True)[0] if chat.need else None
    if group == "sum next":
        found = sums.next_turn(chat.total, rng, held=True) if chat.total is not None else None
        return found[0] if found else None
    if group == "recall":
        if chat.user_name and rng.random() < 0.5:
            return recall.ask_name(chat.user_name, rng, held=True)
        return recall.ask_last(chat.turns, rng, held=True)
    last = chat.turns[-1]
    return FOLLOWER.turn(last, rng, held=True) if last.topic and last.group != "follow" else None


def held_dialogue(rng: Random, group: str, plain: bool = True) -> Dialogue:
    """A dialogue whose last question is held out, after zero to three trained turns (follow-ups after at least one)."""
    following = group in ("follow", "memory next", "sum next", "recall")
    while True:
        chat = Chat(rng, Manner() if plain else manners.draw(rng))
        for _ in range(rng.randint(1, 3) if following else rng.choice((0, 0, 0, 1, 2))):
            chat.add(chat.next())
        turn = held_question(chat, group)
        if turn:
            chat.add(turn)
            return Dialogue(chat.manner.system, tuple(chat.turns))
