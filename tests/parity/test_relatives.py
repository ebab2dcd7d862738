"""A family that is not built in is told by its nearest relative here and by what that lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from causerie.errors import UnknownName
from causerie.models.registry import families, spec_from_config
from causerie.models.relatives import absent_layers, decoders, encoders


def test_every_family_of_transformers_is_here_or_has_a_relative_here() -> None:
    relatives, without_chat, known = set(decoders()), set(encoders()), set(families())
    theirs = set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    theirs -= {name for name in theirs if f"{name}_text" in known}  # whole models whose text model is a family of ours
    assert theirs <= relatives | without_chat | known
    assert not relatives & known and not without_chat & known and not relatives & without_chat
    assert {each.like for each in decoders().values()} <= known


def test_no_family_here_reads_a_key_that_stands_for_layers_we_lack(project: Path) -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (project / "src/causerie/models/archs").glob("*.py"))
    assert [key for key in absent_layers() if f'"{key}"' in sources] == []


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            {"model_type": "jamba", "index_topk": 16},
            r"'jamba'.*'granitemoehybrid', which lacks this: Mamba.*'index_topk' = 16",
        ),
        (
            {"model_type": "qwen9", "lru_width": 64},
            r"'qwen9'\. Known, nearest first: qwen.*'lru_width' = 64 \(gated",
        ),
        ({"model_type": "bert", "is_decoder": True}, r"'bert'.*an encoder.*does not go on with a text"),
        ({"model_type": "llava", "text_config": {"model_type": "rwkv"}}, r"'rwkv'.*'gpt2', which lacks this: time mix"),
    ],
    ids=str,
)
def test_what_is_told(config: dict[str, Any], words: str) -> None:
    with pytest.raises(UnknownName, match=words) as told:
        spec_from_config(config)
    assert "docs/adding-a-model.md" in str(told.value)
