"""Questions about the chat itself: what was asked, what was answered, the user's name."""

from __future__ import annotations

from random import Random

from training.dialogues import unseen
from training.dialogues.manners import any_name
from training.dialogues.phrasing import expand, invented, noisy
from training.dialogues.topic import Turn

COMMON = ("apple", "river", "hello", "world", "blue", "seven", "garden", "stone", "music", "window", "paper", "yes", "no", "good morning", "token", "chat", "model", "memory", "green",
          "tiger", "summer", "snow", "bread", "light", "cloud", "house", "table", "red", "moon", "happy", "slow", "fast", "night", "day", "tree", "bird", "fish", "train", "city", "road")
TELL = ("my name is {n}", "I am {n}", "I'm {n}", "call me {n}", "you can call me {n}", "hello, I am {n}", "hi, my name is {n}", "hi, I'm {n}", "hello, my name is {n}",
        "the name is {n}", "this is {n}", "hello there, my name is {n}", "my name's {n}", "hi! I am {n}.", "I am called {n}", "{n} is my name")
ASK = ("what is my name?", "what's my name?", "do you know my name?", "who am I?", "do you remember my name?", "tell me my name", "how am I called?", "and what is my name?",
       "can you tell me my name?", "my name?", "so what is my name?", "say my name", "did I tell you my name?",
       "please recall my name", "which name did I give you?", "do you still know what I am called?")
LAST_QUESTION = ("what did I [just |]ask[ you|]?", "what was my [last |]question?", "what did I just say?", "what was my last [message|question]?", "repeat my question",
                 "what have I just asked?", "which question did I ask?", "do you remember my question?", "what did I say?", "can you repeat my [last |]question?", "what have I asked[ you| before]?",
                 "my [last |]question was what?", "quote my [last |]question", "say my [last |]question again", "give me my [last |]question", "I forgot [my question|what I asked]",
                 "[do you|] remember what I [asked|said]?", "what did I [write|type|want to know]?", "which words did I use?", "what was I asking?", "and my question was?", "read my question back to me",
                 "what [was|is] the last thing I [said|wrote|asked]?", "what had I asked?", "show my last [question|message]", "what was the question?", "repeat what I [said|asked|wrote]",
                 "what was it that I asked?", "tell me what I just asked you")
FIRST_QUESTION = ("what was my first question?", "what did I ask first?", "what was the first thing I [said|asked]?", "how did I begin?", "what did I ask at the beginning?")
LAST_ANSWER = ("repeat that[ please|]", "say that again", "what did you [just |]say?", "can you repeat that?", "repeat your [last |]answer", "again please", "pardon?", "once more",
               "could you say that again?", "please repeat", "can you repeat your answer?", "[your|the|that] answer [again|once more]", "one more time[ please|]",
               "[please |]say your answer once more", "what was your [last |]answer?", "and your answer was?", "quote yourself", "give me that answer again", "the same again, please", "I did not hear that",
               "sorry, I missed that", "show [that|your answer] again", "can I have [that|your answer] again?", "repeat what you [said|wrote|answered]", "your last [answer|message|words]?", "what did you answer?",
               "would you repeat what you said?", "your last answer again, please")


def tell_name(rng: Random) -> tuple[Turn, str]:
    name = any_name(rng)
    style = rng.random()
    spoken = name if style < 0.93 else name.lower()
    answer = f"Nice to meet you, {name}! What would you like to know about Causerie?"
    user = rng.choice(TELL).replace("{n}", spoken)
    user = user[:1].upper() + user[1:] if rng.random() < 0.6 else user
    if rng.random() < 0.3 and not user.endswith("."):
        user += rng.choice((".", "!"))
    return Turn(user, answer, f"Nice to meet you, {name}!", answer, (name.lower(),), None, "recall"), name


def ask_name(name: str, rng: Random, held: bool = False) -> Turn:
    """Asks for the user's name; `name` is empty where it was never told."""
    answer = f"Your name is {name}." if name else "You have not told me your name."
    return Turn(noisy(rng.choice(unseen.ASK_NAME if held else ASK), rng), answer, need=(name.lower() if name else "not told",), group="recall", fixed=True)


ECHO = ("[say|write|repeat|type|print] {w}", "[say|write|repeat] after me: {w}", "repeat this: {w}", "[please|can you|could you] [say|write|repeat] {w}", "just say {w}", "copy {w}",
        "answer with {w}", "say \"{w}\"", "repeat the words {w}", "echo {w}", "now say {w}", "write the word{s} {w}")


def echo(rng: Random, most: int = 4) -> Turn:
    """Words to say again, most of them invented: the practice of copying on which names and questions rest."""
    words = [invented(rng) if rng.random() < 0.7 else rng.choice(COMMON) for _ in range(min(rng.randint(1, most), rng.randint(1, most)))]
    text = " ".join(words)
    text = text.capitalize() if rng.random() < 0.3 else text.title() if rng.random() < 0.2 else text
    form = expand(rng.choice(ECHO), rng).replace("{w}", text).replace("{s}", "s" if len(words) > 1 else "")
    return Turn(form[:1].upper() + form[1:] if rng.random() < 0.5 else form, text, need=(text.lower(),), group="recall", fixed=True)


def ask_last(turns: list[Turn], rng: Random, held: bool = False) -> Turn:
    """Asks for the last question, the first one, or the last answer."""
    kind = rng.random()
    forms: tuple[str, ...]
    if not turns:
        return Turn(noisy(expand(rng.choice(LAST_QUESTION), rng), rng), "You have not asked anything yet.", need=("not asked",), group="recall", fixed=True)
    if kind < 0.5:
        forms, text, answer = unseen.LAST_QUESTION if held else LAST_QUESTION, turns[-1].user, "You asked: "
    elif kind < 0.65 and not held:
        forms, text, answer = FIRST_QUESTION, turns[0].user, "You asked: "
    else:
        forms, text, answer = unseen.LAST_ANSWER if held else LAST_ANSWER, turns[-1].answer, ""
    quoted = f"{answer}\"{text}\"" if answer else text
    return Turn(noisy(expand(rng.choice(forms), rng), rng), quoted, need=(text.lower()[:60],), group="recall", fixed=True)
