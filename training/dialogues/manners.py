"""System messages and what they change: the length, the tone, an ending, a given name.

A manner turns a turn's answer into the answer in that manner; it knows nothing of what the answer says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from training.dialogues.phrasing import expand, invented
from training.dialogues.topic import Turn

NAMES = ("Robin", "Ana", "Tom", "Mia", "Leo", "Sara", "Max", "Emma", "Paul", "Lena", "Omar", "Nina", "Jack", "Rosa", "Finn", "Ivy", "Hugo", "Clara", "Sam", "Zoe", "Ben", "Julia", "Karl", "Maya", "Luca", "Eva", "Noah", "Alice", "Felix", "Iris", "Oscar", "Ada", "Peter", "Marie", "Anton", "Greta", "Simon", "Laura", "David", "Ella", "Jonas", "Olga", "Martin", "Lucy", "Victor", "Amir", "Yuki", "Chen", "Priya", "Ravi", "Fatima", "Ali", "Ingrid", "Sven", "Pierre", "Chloe", "Diego", "Carmen", "Ahmed", "Leila", "Kofi", "Amara", "Mei", "Hiro", "Tara", "Owen", "Ruby", "Jasper", "Nora", "Theo", "Vera", "Boris", "Wanda", "Igor", "Dora", "Hans", "Heidi", "Joan", "Mark", "Kate", "Bob", "Jim", "Anna", "John", "Mary", "Kim", "Alex", "Chris", "Pat", "Nova", "Orion", "Pixel", "Echo", "Atlas", "Luna", "Sage", "Juno", "Biscuit", "Pepper", "Ziggy", "Cosmo", "Sparky", "Dot", "Bolt", "Mango", "Pip", "Oak", "River", "Sky")
PLAIN = ("You are a helpful assistant.", "You are a helpful assistant", "You are a helpful, respectful and honest assistant.", "You are an assistant.",
         "You are a useful assistant. Answer the user's questions.", "You are the help assistant of Causerie.", "Help the user.", "Be helpful.",
         "You are a chatbot.", "You are an AI assistant.", "Answer the questions of the user.", "You are a friendly and helpful assistant.",
         "You are a sassy, wise-cracking robot as imagined by Hollywood circa 1986.", "You are a knowledgeable helper.", "Assist the user as well as you can.",
         "Be honest.", "Do not lie.", "You are an expert in language models.", "You answer questions about causerie.", "")
SHORT = ("[Answer|Reply|Respond] in one [short |]sentence.", "[Answer|Reply|Respond] briefly.", "Be [brief|concise|short].", "Keep [your|the] answers short.",
         "Give short answers.", "Always answer in one sentence.", "Short answers[ only| please|].", "Use as few words as possible.", "You give [brief|short] answers.",
         "You are a helpful assistant. Answer in one short sentence.", "Be very brief.", "Please answer [shortly|briefly|concisely].")
LONG = ("[Answer|Reply|Respond] in detail.", "Give [long|detailed|full|complete] answers.", "Be [detailed|thorough|verbose].", "Explain everything in detail.",
        "Always give all the details.", "You are a helpful assistant. Answer in detail.", "Write [long|detailed] answers.", "Please answer [in full|at length|in detail].")
CALLED = ("You are called {n}.", "Your name is {n}.", "You are {n}.", "You are {n}, a helpful assistant.", "You are an assistant called {n}.", "Call yourself {n}.",
          "You are an assistant named {n}.", "You are a helpful assistant. Your name is {n}.", "Your name shall be {n}.", "You go by the name of {n}.")
TONES = {
    "Certainly. ": ("Be [very |]formal.", "[Answer|Speak] formally.", "Use a formal tone.", "Be polite and formal.", "You are a formal butler."),
    "Sure thing! ": ("Be [friendly|casual|informal|relaxed].", "Use a [casual|friendly|informal] tone.", "Talk like a friend.", "You are a cheerful friend."),
    "Arr! ": ("[Talk|Speak|Answer] like a pirate.", "You are a pirate.", "You are a friendly chatbot who always responds in the style of a pirate",
              "Always respond in the style of a pirate."),
}
ENDINGS = ("Over and out.", "Have a nice day!", "Yours truly.", "Good luck!", "That is all.", "Cheers!", "Best wishes.", "Happy chatting!", "The end.", "Stay curious!")
ENDING = ("End every answer with \"{e}\"", "Always end with \"{e}\"", "Finish each answer with the words \"{e}\"", "Close your answers with \"{e}\"")


@dataclass(frozen=True)
class Manner:
    """What a system message asks for. `length` is "usual", "short" or "long"; `tone` is put before, `ending` after."""

    system: str | None = None
    length: str = "usual"
    name: str = ""
    tone: str = ""
    ending: str = ""


def any_name(rng: Random) -> str:
    return rng.choice(NAMES) if rng.random() < 0.6 else invented(rng).capitalize()


def draw(rng: Random) -> Manner:
    """A random manner; about half of all chats have no system message."""
    kind = rng.random()
    if kind < 0.47:
        return Manner()
    if kind < 0.60:
        return Manner(rng.choice(PLAIN) or None)
    if kind < 0.71:
        return Manner(expand(rng.choice(SHORT), rng), "short")
    if kind < 0.77:
        return Manner(expand(rng.choice(LONG), rng), "long")
    if kind < 0.94:
        name = any_name(rng)
        system, length = rng.choice(CALLED).replace("{n}", name), "usual"
        if rng.random() < 0.3:
            system, length = f"{system} {expand(rng.choice(SHORT), rng)}", "short"
        elif rng.random() < 0.1:
            system = f"{system} {rng.choice(PLAIN)}".strip()
        return Manner(system, length, name)
    if kind < 0.97:
        tone = rng.choice(tuple(TONES))
        return Manner(expand(rng.choice(TONES[tone]), rng), "usual", "", tone)
    ending = rng.choice(ENDINGS)
    return Manner(rng.choice(ENDING).replace("{e}", ending), "usual", "", "", ending)


def named(turn: Turn, name: str) -> Turn:
    """The answers that mention the assistant itself, with the name it was given."""
    topic = turn.topic.id if turn.topic else ""
    if topic == "name":
        return replace(turn, answer=f"My name is {name}.", brief=f"My name is {name}.", full=f"My name is {name}.", need=(name.lower(),))
    if topic == "who":
        answer = f"I am {name}, the help assistant of Causerie."
        return replace(turn, answer=answer, brief=f"I am {name}.", full=answer, need=(name.lower(),))
    if topic == "hello":
        answer = f"Hello! I am {name}, Causerie's built-in assistant. Ask me how to chat, choose a model or set a flag."
        return replace(turn, answer=answer, brief=f"Hello! I am {name}.", full=answer, need=(name.lower(),))
    return turn


def apply(manner: Manner, turn: Turn) -> Turn:
    """The turn as it goes in this manner."""
    if manner.name:
        turn = named(turn, manner.name)
    if turn.fixed:
        return turn
    text = {"usual": turn.answer, "short": turn.brief or turn.answer, "long": turn.full or turn.answer}[manner.length]
    return replace(turn, answer=" ".join(part for part in (manner.tone + text, manner.ending) if part))
