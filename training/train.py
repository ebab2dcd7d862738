"""Train the built-in model: `python -m training.train`. Resumable, logged, on any torch device.

Matrices are trained by Muon (orthogonalized momentum, Jordan et al. 2024), which needs fewer steps than AdamW at this
size; embeddings and norms by AdamW. The rate warms up, stays, and falls to nothing over the last part; a moving
average of the weights is kept and saved. Only the assistant's tokens count in the loss.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training import batches
from training.network import Network, Shape
from training.tokenizer import Encoder


@dataclass(frozen=True)
class Plan:
    """What a run does: `tokens` is its length in padded tokens; `minutes`, if not 0, ends it by the clock instead."""

    folder: Path
    tokens: float
    minutes: float
    batch: int
    matrix_rate: float
    vector_rate: float
    seed: int
    device: str
    warmup: float = 0.01
    fall: float = 0.6
    average: float = 0.998
    dropout: float = 0.05

    def progress(self, tokens: int, seconds: float) -> float:
        """How far the run is, 0 to 1."""
        return min(1.0, seconds / (60 * self.minutes) if self.minutes else tokens / self.tokens)

    def rate(self, progress: float) -> float:
        """The factor on the learning rates: a short rise, a plateau, a straight fall to 0."""
        return min(1.0, progress / self.warmup + 0.02, (1 - progress) / self.fall)


@dataclass
class Position:
    """Where a run is; saved with its weights."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0


class Trainer:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.encoder = Encoder(plan.folder / "tokenizer.json", plan.dropout)
        self.shape = Shape(self.encoder.vocab)
        self.device = torch.device(plan.device)
        self.network = Network(self.shape, plan.seed).to(self.device)
        self.averaged = {name: weight.detach().clone() for name, weight in self.network.named_parameters()}
        named = list(self.network.named_parameters())
        matrices = [w for name, w in named if w.dim() == 2 and "embed" not in name]
        vectors = [w for name, w in named if w.dim() == 1 or "embed" in name]
        self.optimizers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(matrices, lr=plan.matrix_rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(vectors, lr=plan.vector_rate, betas=(0.9, 0.98), weight_decay=0.0),
        ]
        self.rates = (plan.matrix_rate, plan.vector_rate)
        self.at = Position()

    def step(self, batch: batches.Batch, factor: float) -> Tensor:
        """One update; returns the loss."""
        tokens, learned = batch.tokens.to(self.device), batch.learned.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            logits = self.network(tokens[:, :-1], learned)
        loss = F.cross_entropy(logits.float(), tokens[:, 1:][learned])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimizer, rate in zip(self.optimizers, self.rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        keep = min(self.plan.average, (self.at.step + 1) / (self.at.step + 10))
        with torch.no_grad():
            for name, weight in self.network.named_parameters():
                self.averaged[name].lerp_(weight, 1 - keep)
        return loss.detach()

    def save(self) -> None:
        state: dict[str, Any] = {
            "shape": self.shape.as_dict(),
            "at": vars(self.at),
            "network": self.network.state_dict(),
            "averaged": self.averaged,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        partial = self.plan.folder / "state.part"
        torch.save(state, partial)
        partial.replace(self.plan.folder / "state.pt")

    def resume(self, path: Path, warm: bool = False) -> None:
        """Go on from a saved run; `warm` takes only its averaged weights, as the start of a new run."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        if warm:
            self.network.load_state_dict(state["averaged"])
            self.averaged = {name: weight.detach().clone() for name, weight in self.network.named_parameters()}
            return
        self.network.load_state_dict(state["network"])
        self.averaged = state["averaged"]
        self.at = Position(**state["at"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)

    def log(self, **values: object) -> None:
        line = json.dumps(values)
        print(line, flush=True)
        with (self.plan.folder / "log.jsonl").open("a") as out:
            out.write(line + "\n")

    def run(self, save_every: float = 120.0) -> None:
        plan, at = self.plan, self.at
        stream = batches.stream(self.encoder, plan.seed, plan.batch, self.shape.context, skip=at.step)
        begun, saved, losses = time.monotonic() - at.seconds, time.monotonic(), []
        while (progress := plan.progress(at.tokens, at.seconds)) < 1:
            batch = next(stream)
            losses.append(self.step(batch, plan.rate(progress)))
            at.step, at.tokens, at.seconds = at.step + 1, at.tokens + batch.tokens.numel(), time.monotonic() - begun
            if at.step % 50 == 0:
                mean = float(torch.stack(losses).mean())
                self.log(
                    step=at.step,
                    tokens=at.tokens,
                    minutes=round(at.seconds / 60, 2),
                    progress=round(progress, 4),
                    loss=round(mean, 4),
                    per_second=int(at.tokens / at.seconds),
                )
                losses = []
            if time.monotonic() - saved > save_every:
                self.save()
                saved = time.monotonic()
        self.save()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("runs/builtin"),
        help="holds tokenizer.json; receives state.pt and log.jsonl",
    )
    parser.add_argument("--tokens", type=float, default=16e6, help="length of the run in tokens")
    parser.add_argument("--minutes", type=float, default=0, help="end by the clock instead")
    parser.add_argument("--batch", type=int, default=4096, help="tokens in a step")
    parser.add_argument("--matrix-rate", type=float, default=3e-3)
    parser.add_argument("--vector-rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--init", type=Path, help="state.pt of an earlier run whose weights are the start")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    plan = Plan(
        args.folder, args.tokens, args.minutes, args.batch, args.matrix_rate, args.vector_rate, args.seed, args.device
    )
    trainer = Trainer(plan)
    if (args.folder / "state.pt").exists():
        trainer.resume(args.folder / "state.pt")
    elif args.init:
        trainer.resume(args.init, warm=True)
    trainer.run()


if __name__ == "__main__":
    main()
