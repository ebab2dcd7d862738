"""docs/adding-a-model.md is true: the file that it shows, put into archs/, is a family."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from causerie.errors import ConfigError
from causerie.models import archs, registry
from causerie.models.registry import families, spec_from_config
from tests.parity.cases import TINY


@pytest.fixture
def echo(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """A config of the family in the document, whose file lies beside the others."""
    document = (project / "docs" / "adding-a-model.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    (tmp_path / "echo.py").write_text(shown, encoding="utf-8")
    monkeypatch.setattr(archs, "__path__", [*archs.__path__, str(tmp_path)])
    yield TINY | {"model_type": "echo", "local_window": 5}
    registry._registered.pop("echo", None)
    sys.modules.pop(f"{archs.__name__}.echo", None)


def test_one_file_is_a_family(echo: dict[str, object]) -> None:
    assert "echo" in families()
    spec = spec_from_config(echo)
    assert [layer.mixer.window for layer in spec.layers] == [None, 5, None]
    names = {weight.name for weight in spec.weights()}
    assert "layers.0.mixer.q_norm" in names and "layers.0.mixer.q_bias" not in names
    with pytest.raises(ConfigError, match=r"echo.*clip_qkv"):
        spec_from_config(echo | {"clip_qkv": 8})
