"""Which experts tokens go to is counted as transformers routes them, and told in the terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from causerie import AutoModelForCausalLM
from causerie.cli.conversation.expert_lines import expert_lines
from tests.parity.cases import PROMPT, Case
from tests.parity.harness import reference, some_tokens

FolderOf = Callable[[Case | str], Path]
IDS = some_tokens(PROMPT, 3)


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_tokens_are_counted_where_transformers_sends_them(backend: str, folder_of: FolderOf) -> None:
    folder = folder_of("mixtral, three of five uneven experts")
    with AutoModelForCausalLM.from_pretrained(folder, backend=backend) as model:
        assert all(not counts.any() for counts in model.expert_choices().values())
        model([IDS[:9]])
        model([IDS[9:]])
        choices, active = model.expert_choices(), model.config.num_experts_per_tok
        assert model.active_parameters < model.num_parameters() and model.read_bytes < model.get_memory_footprint()
    judge = reference(folder)
    routed = [
        torch.stack(judge(torch.tensor([ids]), output_router_logits=True).router_logits) for ids in (IDS[:9], IDS[9:])
    ]
    chosen = torch.cat(routed, dim=1).topk(active, dim=-1).indices  # [layers, tokens, active]
    expected = [np.bincount(layer.flatten().numpy(), minlength=5) for layer in chosen]
    assert list(choices) == list(range(len(expected)))
    for counts, theirs in zip(choices.values(), expected, strict=True):
        np.testing.assert_array_equal(counts, theirs)


def test_lines_of_a_histogram() -> None:
    counts = np.array([0, 1, 8, 7])
    assert expert_lines({3: counts, 4: np.zeros(6, np.int64)}) == [
        ("experts, layer 3", "│ ▁█▇│ 3 of 4 used, the busiest 50% of the time"),
        ("experts, layer 4", "none of 6 used yet"),
    ]
    ((_, many),) = expert_lines({0: np.repeat([0, 5], 64)})
    assert many.startswith("│" + 16 * " " + 16 * "█" + "│ 64 of 128 used")
