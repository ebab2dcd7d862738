"""Distances between runs, against torch's own arithmetic and by what must hold for any logits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from causerie.plan import quality
from causerie.plan.quality import Mean, Quality, Scores, compare


def logits(seed: int, rows: int = 40, vocab: int = 50, size: float = 3.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, size, (rows, vocab)).astype(np.float32)


def test_scores_are_torch_s(monkeypatch: pytest.MonkeyPatch) -> None:
    p, q = logits(1), logits(1) + 0.1 * logits(2)
    targets = np.random.default_rng(3).integers(0, 50, 40)
    theirs = torch.from_numpy(q).double()
    reference = torch.from_numpy(p).double().log_softmax(1)
    for rows in (2**22, 150):  # all at once, and three rows at a time
        monkeypatch.setattr(quality, "ROWS", rows)
        scores = compare(p, q, [int(token) for token in targets])
        loss = F.cross_entropy(theirs, torch.from_numpy(targets), reduction="none")
        divergence = F.kl_div(theirs.log_softmax(1), reference, log_target=True, reduction="none").sum(1)
        np.testing.assert_allclose(scores.loss, loss.numpy(), rtol=1e-10)
        np.testing.assert_allclose(scores.divergence, divergence.numpy(), rtol=1e-6, atol=1e-12)
        assert np.array_equal(scores.same, p.argmax(1) == q.argmax(1))


def test_a_run_does_not_differ_from_itself() -> None:
    same = compare(logits(1), logits(1), range(40))
    assert not same.divergence.any() and same.same.all()
    # Nor where all logits are moved together, or are large.
    moved = compare(logits(1, size=300), logits(1, size=300) + 64, range(40))
    assert np.abs(moved.divergence).max() < 1e-3 and moved.same.all()


def test_means_and_their_errors() -> None:
    assert Mean.of(np.array([1.0, 3.0])) == Mean(2.0, 1.0)
    assert Mean.of(np.array([2.0])) == Mean(2.0, float("inf"))
    scores = Scores(np.log(np.array([2.0, 8.0])), np.array([0.0, 0.5]), np.array([1.0, 0.0]))
    quality = Quality.of(Scores.joined([scores, scores]))
    assert quality.tokens == 4 and quality.perplexity.value == pytest.approx(4.0)
    assert quality.divergence.value == 0.25 and quality.same.value == 0.5
    assert quality.perplexity.error == pytest.approx(4.0 * Mean.of(np.log([2.0, 8.0, 2.0, 8.0])).error)
