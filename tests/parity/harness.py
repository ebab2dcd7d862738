"""Runs models on bare steps, without the engine: whole prompts, in chunks, several at once, and greedy answers.

Knows backends by name, so that every oracle here serves each of them. transformers is the judge, in `reference`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from causerie.backends.ops import Backend, BlockCount, CacheShape
from causerie.backends.step import BlockTables, Step
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.loading.load import load_model
from causerie.models.config import read_config
from causerie.models.model import StepModel
from causerie.plan.footprint import cache_format
from causerie.spec.decoder import Decoder
from tests.parity.cases import PROMPT, TINY, Case

BACKENDS = {
    "torch": ("causerie.backends.torch.backend", "TorchBackend"),
    "native": ("causerie.backends.native.backend", "NativeBackend"),
}
BLOCKS = 24  # of each page group
SLOTS = 12
PICTURES = range(125, 130)  # the tokens that tests/parity/cases/pictures.py gives a meaning


def backend_or_none(name: str) -> Backend | None:
    """A backend of that name on the CPU, None where this tree does not have it yet."""
    module, kind = BACKENDS[name]
    if find_spec(module) is None:
        return None
    made: Backend = getattr(import_module(module), kind)()
    return made


def reference(folder: Path, dtype: str = "float32") -> Any:
    """transformers' model of a folder, a fresh one: dynamic rotations leave a state behind by which another prompt's
    would differ."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    config = read_config(folder)
    # Falcon's eager attention takes its slopes off twice: in the mask, and again from the scores.
    attention = "sdpa" if config.get("alibi") else "eager"
    plain = {"attn_implementation": attention, "experts_implementation": "eager"}
    kind = AutoModelForImageTextToText if "vision_config" in config else AutoModelForCausalLM
    return kind.from_pretrained(folder, dtype=getattr(torch, dtype), **plain).eval()


def save_case(case: Case, folder: Path) -> Path:
    """Writes transformers' model of `case`."""
    model_of(case).save_pretrained(folder)
    return folder


def model_of(case: Case) -> Any:
    """transformers' model of `case`, as `draw_weights` leaves it."""
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(sum(map(ord, case.name)))
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(case.family, **case.values), dtype=torch.float32)
    draw_weights(model)
    return model


def draw_weights(model: Any) -> None:
    """Gives a model of transformers random weights, biases that are not zero and norms that are not one."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name.replace("norm_attn_norm", "half") or "ln_" in name:
                weight.uniform_(0.4, 1.6)
            elif name.endswith(("A_log", "dt_bias")):  # some heads remember the whole prompt; we never round these
                weight.copy_(weight.normal_(-1.0 if name.endswith("A_log") else 0.0).bfloat16())
            elif weight.ndim == 1:
                weight.normal_(std=0.5)
            elif name.endswith("modality_router.weight"):  # of AltUp: it reads what was divided by its width
                weight.normal_(std=weight.shape[1] ** 0.5)
            elif name.endswith("_coefs.weight"):  # streams that grow from layer to layer make noise large
                weight.normal_(std=0.5 * weight.shape[1] ** -0.5)
            else:
                # Sharp enough that scores differ, small enough that float32 noise stays far below 1e-4.
                weight.normal_(std=1.5 * weight.shape[1] ** -0.5)
        for name, buffer in model.named_buffers():
            if name.endswith(("correction_bias", "expert_bias")):
                buffer.normal_(std=0.3)
            elif name.endswith("layer_scalar"):
                buffer.uniform_(0.6, 1.4)


def load(folder: Path, backend: Backend, *, dtype: str = "auto", config: dict[str, Any] | None = None) -> Any:
    """Our model of a folder, with `config` in place of its config.json if given; room as `room_for` says."""
    with SafetensorsIndex.open(folder) as index:
        return load_model(
            index,
            config or read_config(folder),
            backend=backend,
            size_cache=lambda spec, held: room_for(spec, backend.block_size, cache_format(held)),
            dtype=dtype,
            max_tokens=256,
        )


def room_for(spec: Decoder, block_size: int, format: str) -> CacheShape:
    """BLOCKS blocks of each page group, SLOTS slots where layers keep one."""
    groups = tuple(BlockCount(BLOCKS, group.window) for group in spec.page_groups)
    return CacheShape(groups, block_size, format, SLOTS if spec.slot_layers else 0)


def some_tokens(count: int, seed: int = 0, vocab: int = TINY["vocab_size"]) -> list[int]:
    """`count` random token ids."""
    return [int(token) for token in np.random.default_rng(seed).integers(0, vocab, count)]


def plain_tokens(count: int, seed: int = 0) -> list[int]:
    """`count` random token ids, none of which has to do with pictures in a tiny multimodal model."""
    return [token - 100 if token in PICTURES else token for token in some_tokens(count, seed)]


@dataclass
class Running:
    """A running copy of a prompt in the harness."""

    prompt: int  # its length as submitted
    tables: list[list[int]]  # of each page group
    slots: tuple[int, int] | None  # where layers keep one: two, in which what they remember takes turns
    tokens: list[int] = field(default_factory=list)
    steps: int = 0
    done: int = 0  # tokens already in the cache
    turned: int = 0  # its length when it was read again

    @property
    def prompt_length(self) -> int:
        """What its positions turn for, at least."""
        return max(self.prompt, self.turned)

    def pending(self) -> int:
        """Tokens not yet in the cache."""
        return len(self.tokens) - self.done


class Bench:
    """Sequences on one model, each with blocks and slots of its own, dealt out in a scrambled order so that tables
    matter. Blocks that a window hides are not named again."""

    def __init__(self, model: StepModel, seed: int = 0) -> None:
        self.model = model
        draw = np.random.default_rng(seed)
        self._free = [[int(block) for block in draw.permutation(group.blocks)] for group in model.cache.groups]
        self._free_slots = [int(slot) for slot in draw.permutation(model.cache.slots)]
        self.copies: list[list[tuple[int, int]]] = [[] for _ in model.cache.groups]  # of each, for the next step

    def take(self, tokens: Sequence[int]) -> Running:
        """A new sequence with nothing in the cache."""
        slots = (self._free_slots.pop(), self._free_slots.pop()) if self.model.cache.slots else None
        return Running(len(tokens), [[] for _ in self._free], slots, list(tokens))

    def run(self, work: Sequence[tuple[Running, int]], rows: str = "all") -> list[NDArray[np.float32]]:
        """One step: so many pending tokens of each sequence; logits of all of them, or of each last one."""
        step, wanted = self._step(work, rows)
        logits = self.model.run(step).logits
        assert logits.dtype == np.float32 and logits.shape == (len(step.rows), self.model.vocab)
        for sequence, count in work:
            sequence.done += count
            sequence.steps += 1
        return np.split(logits, np.cumsum(wanted)[:-1])

    def _step(self, work: Sequence[tuple[Running, int]], rows: str) -> tuple[Step, list[int]]:
        tokens: list[int] = []
        positions: list[int] = []
        lengths: list[int] = []
        starts, kept, wanted = [0], [], []
        for sequence, count in work:
            stop = sequence.done + count
            at = range(sequence.done, stop)
            tokens += sequence.tokens[sequence.done : stop]
            positions += at
            lengths += [max(sequence.prompt_length, position + 1) for position in at]
            starts.append(len(tokens))
            mine = list(range(starts[-2], starts[-1])) if rows == "all" else [len(tokens) - 1]
            kept += mine
            wanted.append(len(mine))
        arrays = (np.array(part, np.int32) for part in (tokens, positions, starts))
        tables = tuple(self._tables(work, group) for group in range(len(self._free)))
        rest = (np.array(part, np.int32) for part in (kept, lengths))
        return Step(*arrays, tables, self._slots(work), *rest), wanted

    def _tables(self, work: Sequence[tuple[Running, int]], group: int) -> BlockTables:
        size, window = self.model.cache.block_size, self.model.cache.groups[group].window
        blocks: list[int] = []
        starts = [0]
        for sequence, count in work:
            table = sequence.tables[group]
            while len(table) * size < sequence.done + count:
                table.append(self._free[group].pop())
            gone = 0 if window is None else max(0, sequence.done - window + 1) // size
            table[:gone] = [-1] * gone
            blocks += table
            starts.append(len(blocks))
        copies, self.copies[group] = np.array(self.copies[group], np.int32).reshape(-1, 2), []
        return BlockTables(np.array(blocks, np.int32), np.array(starts, np.int32), copies)

    def _slots(self, work: Sequence[tuple[Running, int]]) -> NDArray[np.int32]:
        """Two steps write to the same slot, the next two to the other."""
        pairs = []
        for sequence, _ in work:
            if sequence.slots is not None:
                before, now = (sequence.slots[step // 2 % 2] for step in (sequence.steps - 1, sequence.steps))
                pairs.append((before if sequence.done else -1, now))
        return np.array(pairs, np.int32).reshape(-1, 2)


def prompt_logits(
    model: StepModel, prompts: Sequence[Sequence[int]], chunk: int | None = None
) -> list[NDArray[np.float32]]:
    """Logits [tokens, vocab] of each prompt, all in the same steps, `chunk` tokens of each at a time."""
    bench = Bench(model)
    sequences = [bench.take(prompt) for prompt in prompts]
    found: list[list[NDArray[np.float32]]] = [[] for _ in prompts]
    while any(sequence.pending() for sequence in sequences):
        busy = [i for i, sequence in enumerate(sequences) if sequence.pending()]
        work = [(sequences[i], min(chunk or PROMPT * 9, sequences[i].pending())) for i in busy]
        for i, logits in zip(busy, bench.run(work), strict=True):
            found[i].append(logits)
    return [np.concatenate(parts) for parts in found]


def greedy(model: StepModel, prompts: Sequence[Sequence[int]], new_tokens: int = 16) -> list[list[int]]:
    """The likeliest continuation of each prompt, all decoded together."""
    bench = Bench(model)
    sequences = [bench.take(prompt) for prompt in prompts]
    for _ in range(new_tokens):
        for sequence in sequences:
            if model.switch_length is not None and sequence.prompt_length <= model.switch_length < len(sequence.tokens):
                sequence.turned, sequence.done = len(sequence.tokens), 0  # as the engine does, read again
        work = [(sequence, sequence.pending()) for sequence in sequences]
        for sequence, logits in zip(sequences, bench.run(work, rows="last"), strict=True):
            sequence.tokens.append(int(logits[-1].argmax()))
    return [sequence.tokens[sequence.prompt :] for sequence in sequences]


def reference_logits(judge: Any, prompt: Sequence[int]) -> NDArray[np.float32]:
    """transformers' logits [tokens, vocab]."""
    with torch.inference_mode():
        logits = judge(torch.tensor([list(prompt)])).logits[0].float().numpy()
    return np.asarray(logits, np.float32)


def reference_greedy(judge: Any, prompt: Sequence[int], new_tokens: int = 16) -> list[int]:
    """transformers' greedy continuation."""
    ids = torch.tensor([list(prompt)])
    with torch.inference_mode():
        out = judge.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=new_tokens, do_sample=False)
    return [int(token) for token in out[0, ids.shape[1] :]]


@dataclass(frozen=True)
class Judgement:
    """What transformers makes of a prompt."""

    prompt: list[int]
    logits: NDArray[np.float32]
    greedy: list[int]


@cache
def judgements(folder: Path, new_tokens: int) -> list[Judgement]:
    """That of a long and a short prompt, by the model of a folder in float32; kept, as each backend is compared with
    it."""
    made = []
    for prompt in (plain_tokens(PROMPT, 1), plain_tokens(11, 2)):
        judge = reference(folder)
        made.append(Judgement(prompt, reference_logits(judge, prompt), reference_greedy(judge, prompt, new_tokens)))
    return made


@dataclass(frozen=True)
class PaddedBatch:
    """What transformers makes of several prompts in a batch: logits of each one's tokens, greedy continuations."""

    logits: list[NDArray[np.float32]]
    greedy: list[list[int]]


@cache
def reference_padded(folder: Path, prompts: tuple[tuple[int, ...], ...], new_tokens: int) -> PaddedBatch:
    """Those of the model of a folder in float32, with zeros on the left of the shorter ones; kept for each backend."""
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(prompt)) + list(prompt) for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    judge = reference(folder)
    with torch.inference_mode():
        logits = judge(ids, attention_mask=mask, position_ids=(mask.cumsum(-1) - 1).clamp(min=0)).logits.numpy()
        answers = judge.generate(ids, attention_mask=mask, max_new_tokens=new_tokens, do_sample=False)
    rows = [row[longest - len(prompt) :] for row, prompt in zip(logits, prompts, strict=True)]
    return PaddedBatch(rows, answers[:, longest:].tolist())


@dataclass(frozen=True)
class Parity:
    """How one case compares with transformers."""

    case: str
    backend: str
    worst: float  # largest difference of a logit, over prompts longer and shorter than windows and contexts
    largest: float  # largest logit
    greedy: int  # greedy tokens that agree …
    tokens: int  # … of so many


def measure(name: str, folder: Path, backend: Backend, judged: Path | None = None, new_tokens: int = 16) -> Parity:
    """Logits and greedy tokens of a long and a short prompt against transformers, float32; `judged` is the folder that
    transformers reads where it is not the same."""
    model = load(folder, backend)
    worst = largest = 0.0
    equal = 0
    expected = judgements(judged or folder, new_tokens)
    for each in expected:
        worst = max(worst, float(np.abs(prompt_logits(model, [each.prompt])[0] - each.logits).max()))
        largest = max(largest, float(np.abs(each.logits).max()))
        ours = greedy(model, [each.prompt], new_tokens)[0]
        equal += sum(our == their for our, their in zip(ours, each.greedy, strict=True))
    model.close()
    return Parity(name, backend.name, worst, largest, equal, new_tokens * len(expected))
