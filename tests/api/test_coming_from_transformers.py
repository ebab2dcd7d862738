"""docs/coming-from-transformers.md says what both libraries say now."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_is_up_to_date() -> None:
    spec = spec_from_file_location("transformers_table", ROOT / "scripts" / "transformers_table.py")
    assert spec is not None and spec.loader is not None
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    stored = script.PATH.read_text(encoding="utf-8")
    assert stored == script.document(), "run scripts/transformers_table.py"
