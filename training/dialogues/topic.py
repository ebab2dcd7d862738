"""What a fact, a turn and a dialogue are. Data types only; nothing is drawn here."""

from __future__ import annotations

from dataclasses import dataclass

Need = tuple[str | tuple[str, ...], ...]  # every item must be in the answer; of a tuple of strings, one of them


@dataclass(frozen=True)
class Topic:
    """A fact that the model must know.

    names:  how users call it (a grammar), put in the place of {x} in the question forms of its kind.
    short:  the fact in one sentence; `rest` completes the usual answer; `detail` is added when more is asked.
    need:   what an answer must contain to be right.
    forms, once_held: whole questions beside the forms of the kind; the latter were held out of earlier models.
    """

    id: str
    kind: str
    names: tuple[str, ...]
    short: str
    rest: str = ""
    detail: str = ""
    need: Need = ()
    forms: tuple[str, ...] = ()
    once_held: tuple[str, ...] = ()
    why: str = ""
    example: str = ""
    weight: float = 1.0

    @property
    def usual(self) -> str:
        return f"{self.short} {self.rest}".strip()

    @property
    def full(self) -> str:
        return f"{self.short} {self.rest} {self.detail}".replace("  ", " ").strip()


@dataclass(frozen=True)
class Turn:
    """A question and its answer. `brief` and `full` are the same answer for a short and a detailed manner.

    `group` says what an evaluation counts it under; `fixed` answers do not change with the manner.
    """

    user: str
    answer: str
    brief: str = ""
    full: str = ""
    need: Need = ()
    topic: Topic | None = None
    group: str = "fact"
    fixed: bool = False


@dataclass(frozen=True)
class Dialogue:
    system: str | None
    turns: tuple[Turn, ...] = ()
    exact: bool = False  # practice of copying: its tokens must stay those of the tokenizer

    def messages(self) -> list[dict[str, str]]:
        """The dialogue in the field's form: a list of {"role", "content"}."""
        found = [{"role": "system", "content": self.system}] if self.system is not None else []
        for turn in self.turns:
            found += [{"role": "user", "content": turn.user}, {"role": "assistant", "content": turn.answer}]
        return found
