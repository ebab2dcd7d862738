"""How many parameters a released model has, in billions, as its makers say; and further sizes of families whose files
published.json does not have: what differs in the config of another released model. Data only."""

from __future__ import annotations

from typing import Any

from tests.parity.published import PUBLISHED

BILLIONS = {
    "Qwen3-30B-A3B": 30.5,
    "Qwen3-Coder-480B-A35B-Instruct": 480,
    "Qwen1.5-MoE-A2.7B-Chat-GPTQ-Int4": 14.3,
    "Qwen2-57B-A14B": 57.4,
    "Mixtral-8x22B-v0.1": 140.6,
    "gpt-oss-20b": 20.9,
    "gpt-oss-120b": 116.8,
    "Qwen3-Next-80B-A3B-Thinking": 80,
    "gemma-7b": 8.54,
    "gemma-2-2b": 2.61,
    "gemma-3-270m": 0.268,
    "phi-1_5": 1.418,
    "phi-4": 14.7,
    "granite-3.3-8b-instruct": 8.17,
    "granite-3.0-3b-a800m-instruct": 3.3,
    "Olmo-3.1-32B-Instruct": 32.2,
    "Qwen3-32B": 32.8,
    "SmolLM3-3B": 3.08,
    "Phi-3.5-MoE-instruct": 41.9,
    "dbrx-instruct": 132,
    "Qwen3-Coder-Next-NVFP4": 80,
}
"""Of files in published.json."""

TEXT_BILLIONS = {
    "Qwen3.6-27B": 27,
    "Qwen3-VL-8B-Instruct": 8.19,
    "gemma-3-12b-it": 10.759 + 1.012,  # as its report counts them: beside the table of tokens, and in it
    "gemma-3-4b-it": 3.209 + 0.675,
    "gemma-4-31B-it": 30.7,
    "gemma-4-26B-A4B": 25.2,
}
"""The same, without what sees and hears."""

OTHER_SIZES: dict[str, tuple[dict[str, Any], float]] = {
    "Ministral-3-14B-Instruct, its text model": (
        PUBLISHED["Ministral-3-8B-Instruct, its text model"]
        | {"hidden_size": 5120, "intermediate_size": 16384, "num_hidden_layers": 40},
        13.5,
    ),
}  # fmt: skip
