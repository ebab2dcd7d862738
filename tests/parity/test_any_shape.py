"""Features in any combination, drawn at random: logits and greedy text are those of transformers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causerie.backends.ops import Backend
from tests.parity.cases import Case
from tests.parity.harness import measure, save_case

ROPES = st.sampled_from(
    [
        {"rope_type": "default"},
        {"rope_type": "linear", "factor": 2.5},
        {"rope_type": "dynamic", "factor": 2.0},
        {
            "rope_type": "llama3",
            "factor": 4.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 24,
        },
        {"rope_type": "yarn", "factor": 3.0, "original_max_position_embeddings": 24},
    ]
)
WINDOW = st.none() | st.integers(2, 50)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A family with whatever its config may say."""
    family = draw(st.sampled_from(["llama", "mistral", "qwen2", "qwen3"]))
    kv_heads, group = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    layers = draw(st.integers(1, 4))
    changes: dict[str, Any] = {
        "num_attention_heads": kv_heads * group,
        "num_key_value_heads": kv_heads,
        "num_hidden_layers": layers,
        "hidden_size": kv_heads * group * draw(st.integers(2, 12)) * 2,
        "intermediate_size": draw(st.integers(8, 100)),
        "vocab_size": 131,
        "max_position_embeddings": draw(st.sampled_from([26, 200])),
        "tie_word_embeddings": draw(st.booleans()),
        "rope_parameters": draw(ROPES) | {"rope_theta": draw(st.sampled_from([100.0, 1e4, 1e6]))},
    }
    if family != "qwen2" or draw(st.booleans()):
        changes["head_dim"] = 2 * draw(st.integers(2, 20))
    if family in ("llama", "qwen3"):
        changes["attention_bias"] = draw(st.booleans())
    if family == "llama":
        changes["mlp_bias"] = draw(st.booleans())
    else:
        changes["sliding_window"] = draw(WINDOW)
    if family.startswith("qwen") and changes["sliding_window"] is not None:
        changes["use_sliding_window"] = draw(st.booleans())
        changes["max_window_layers"] = draw(st.integers(0, layers))
    return Case(f"{family} {hashlib.sha256(repr(changes).encode()).hexdigest()[:12]}", family, changes)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the drawn models lie, by name."""
    return tmp_path_factory.mktemp("drawn")


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(case=cases())
def test_any_shape(case: Case, backend: Backend, scratch: Path) -> None:
    folder = scratch / case.name
    if not folder.exists():
        save_case(case, folder)
    found = measure(case.name, folder, type(backend)(), new_tokens=6)
    assert found.worst <= 1e-4 * max(1.0, found.largest / 10)  # noise is relative; tiny widths give large logits
    assert found.greedy == found.tokens
