"""What the front of the server asks of the engine's process (orders), and what comes back (events): data types only.

Every type is a JSON object with its name in `type`. A `job` is a number that the front gives to one request.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from causerie.errors import CauserieError, UsageError

PRELOADING = 0
"""The number of the job that loads the first model at the start."""


class EngineOptions(Struct, frozen=True):
    """What the front tells the engine's process at its start. `options` are LoadOptions as plain values, for
    every model; `drafts` says which other model guesses for some of them. Models that were `added` since by users are
    held in the most exact way that fits. `models_folder` has models that may guess for others."""

    models: list[str]
    options: dict[str, Any] = {}
    drafts: dict[str, str | None] = {}
    unload_after: float | None = None
    models_folder: str | None = None
    added: list[str] = []


class Chat(Struct, tag=True, frozen=True):
    """A prompt that the model's chat template writes. `variables` are template options such as enable_thinking."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None
    variables: dict[str, Any] = {}
    continue_final_message: bool = False


class Text(Struct, tag=True, frozen=True):
    """A prompt that is plain text; `special` keeps spelled control tokens as tokens and adds the model's own first."""

    text: str
    special: bool = True


class Tokens(Struct, tag=True, frozen=True):
    """A prompt that is token ids already."""

    tokens: list[int]


Prompt = Chat | Text | Tokens


class ToolUse(Struct, frozen=True):
    """Which tools an answer may call: `schemas` of their arguments by name. It must call one where `required`, and one
    at most where not `parallel`."""

    schemas: dict[str, dict[str, Any]]
    required: bool = False
    parallel: bool = True


class Generate(Struct, tag=True, frozen=True):
    """Answer a prompt, `choices` times. `flags` are generate flags by their names; `logprobs` is how many of the
    likeliest tokens are told beside each drawn one, None for no log-probabilities. An answer that is `parsed` comes as
    text, reasoning and calls of tools; else all of it is text. `context_policy` says what to do with a chat that does
    not fit (chat/context.py), `return_progress` that reading the prompt is told of, `client` whose turns it shares,
    `return_timings` that the end says where the time went; `stop_tokens` end an answer beside the model's own.
    `prompt_logprobs` is how many of the likeliest tokens are told in the place of each of the prompt's, with its own
    log-probability; with `prompt_only` no choice has a token."""

    job: int
    model: str
    prompt: Prompt
    flags: dict[str, Any]
    choices: int = 1
    logprobs: int | None = None
    parsed: bool = False
    tools: ToolUse | None = None
    context_policy: str = "error"
    return_progress: bool = False
    client: str = ""
    return_timings: bool = False
    stop_tokens: list[int] = []
    prompt_logprobs: int | None = None
    prompt_only: bool = False


class Render(Struct, tag=True, frozen=True):
    """The tokens and the text of a prompt, without an answer."""

    job: int
    model: str
    prompt: Prompt


class Embed(Struct, tag=True, frozen=True):
    """The embeddings of prompts in their order: little-endian float32, in base64. `width` is how many numbers each must
    have; None takes the model's. `client` is whose turns they share."""

    job: int
    model: str
    prompts: list[Text | Tokens]
    width: int | None = None
    client: str = ""


class Detokenize(Struct, tag=True, frozen=True):
    """The text of tokens."""

    job: int
    model: str
    tokens: list[int]


class Add(Struct, tag=True, frozen=True):
    """From now on requests may name this model, too."""

    job: int
    model: str


class Load(Struct, tag=True, frozen=True):
    """Load a model, if it is not."""

    job: int
    model: str


class Unload(Struct, tag=True, frozen=True):
    """Free the memory of a model that no job uses; it is loaded again when one is to."""

    job: int
    model: str


class Cancel(Struct, tag=True, frozen=True):
    """Nobody waits for this job any more."""

    job: int


Order = Generate | Render | Embed | Detokenize | Add | Load | Unload | Cancel


class TokenPiece(Struct, frozen=True):
    """One token of an answer: its bytes as text where they are whole, and log-probabilities where they were asked."""

    token: int
    text: str
    bytes: list[int]
    logprob: float | None = None
    top: list[TokenPiece] = []
    rank: int | None = None  # of a prompt's token, from 1 for the likeliest


class Begun(Struct, tag=True, frozen=True):
    """The prompt was read into tokens. `dropped` are the places of the messages that went because the chat did not fit,
    `summary` what stands for them; `prompt` the prompt's tokens, where their log-probabilities were asked."""

    job: int
    prompt_tokens: int
    dropped: list[int] = []
    summary: str | None = None
    prompt: list[TokenPiece] = []


class Reading(Struct, tag=True, frozen=True):
    """How many tokens of a prompt are read, with the `cached_tokens` that were read before, and how long it took."""

    job: int
    prompt_tokens: int
    cached_tokens: int
    read_tokens: int
    seconds: float


class Call(Struct, frozen=True):
    """One whole call of a tool; `arguments` is JSON as text."""

    name: str
    arguments: str
    id: str | None = None


class Piece(Struct, tag=True, frozen=True):
    """Some more of one choice: reasoning, then text, then calls; with its tokens where log-probabilities are asked.
    `new_tokens` is how many the choice has cost so far."""

    job: int
    choice: int
    text: str = ""
    tokens: list[TokenPiece] = []
    reasoning: str = ""
    calls: list[Call] = []
    new_tokens: int = 0


class Timings(Struct, frozen=True):
    """Where the time of one choice went, in seconds, and what made it slow, in sentences."""

    loading: float
    shortening: float  # of a chat that did not fit
    preparation: float  # for the template and its tokens
    waiting: float  # for the engine to begin with it
    reading: float
    read_tokens: int  # without those that were remembered
    thinking: float  # of what follows, up to the last token of reasoning
    writing: float
    reasons: list[str] = []


class Ended(Struct, tag=True, frozen=True):
    """The end of one choice, and the tokens it cost."""

    job: int
    choice: int
    reason: str  # stop, repetition, length, time, cancelled
    cached_tokens: int
    new_tokens: int
    stop_string: str | None = None  # the one that ended it
    reasoning_tokens: int = 0  # of the new ones, without those that open and close
    drafted_tokens: int = 0  # guessed and checked several in a step
    accepted_tokens: int = 0  # of those, the ones that came
    timings: Timings | None = None  # where they were asked for
    stop_token: int | None = None  # the one of the order that ended it


class Done(Struct, tag=True, frozen=True):
    """The end of a job that was no answer: what it gave."""

    job: int
    value: Any = None


class Failed(Struct, tag=True, frozen=True):
    """The end of a job that could not be done. `kind` is the name of the error's class; `field` what it is about."""

    job: int
    kind: str
    message: str
    field: str | None = None

    @staticmethod
    def of(job: int, fault: CauserieError) -> Failed:
        """The end that a fault makes of a job."""
        return Failed(job, type(fault).__name__, str(fault), fault.field if isinstance(fault, UsageError) else None)


class ModelState(Struct, tag=True, frozen=True):
    """A model was loaded (share 1), is loading, or was freed (share None). `share` is what was read of the
    `total_bytes` of its weights, which are 0 until they are known; `promise` what to expect of it, in words."""

    model: str
    share: float | None
    read_bytes: int = 0
    total_bytes: int = 0
    facts: dict[str, Any] = {}
    promise: str | None = None


class Beat(Struct, tag=True, frozen=True):
    """A sign of life, several a second, with the engines' counts summed. Blocks are free, kept (unused, they hold
    beginnings of prompts until room is needed) or used."""

    steps: int
    running: int
    waiting: int
    read_tokens: int
    cached_tokens: int
    new_tokens: int
    blocks: int
    free_blocks: int
    kept_blocks: int
    chat_bytes: int  # of the blocks and slots that are not free
    cpu_seconds: float  # that the process has computed on all cores together, since its start
    drafted_tokens: dict[str, int] = {}  # guessed and checked several in a step, by who guessed them
    accepted_tokens: dict[str, int] = {}  # of those, the ones that came
    recalled_tokens: int = 0  # of prompts, that came back from the disk
    kept_cache_bytes: int = 0  # on the disk, of all models together

    @property
    def used_blocks(self) -> int:
        """Those of requests that run; with none of these it is 0."""
        return self.blocks - self.free_blocks - self.kept_blocks


JobEvent = Begun | Reading | Piece | Ended | Done | Failed | ModelState | Beat
