"""Which model a chat without one offers, and that it remembers the answer."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from causerie.api.library.local_models import LibraryModel
from causerie.api.library.model_names import builtin_folder
from causerie.api.library.offer import able
from causerie.api.machine.abilities import hardware, native_state, thread_count
from causerie.api.machine.measurements import record_folder
from causerie.cli.conversation import model_offer
from causerie.cli.conversation.model_offer import larger_words, offered_model
from causerie.errors import BackendUnavailable
from causerie.plan.machine_record import Fingerprint, MachineRecord
from causerie.settings import Settings


def model(name: str, parameters: int | None, **changes: Any) -> LibraryModel:
    values: dict[str, Any] = {
        "place": "cache",
        "folder": Path("x"),
        "nbytes": 2 * (parameters or 0),
        "commit": None,
        "last_used": None,
        "family": "llama",
        "runs": True,
        "precision": "bfloat16",
        "quantized": False,
        "stored_bytes": None if parameters is None else 2 * parameters,
        "lacks": None,
    }
    return LibraryModel(name=name, parameters=parameters, **{**values, **changes})


def _fails(settings: Settings) -> MachineRecord:
    raise BackendUnavailable("nothing can measure")


BUILTIN = model("builtin", 5_000_000, place="package")
MODELS = [
    BUILTIN,
    model("org/small", 100_000_000),
    model("org/large", 3_000_000_000),
    model("org/huge", 900_000_000_000),
    model("org/half", 1_000_000, lacks="weights"),
    model("org/unknown", 1_000_000, runs=False),
    model("org/unsized", None),
]


def test_the_largest_that_fit_come_first_and_the_built_in_one_last() -> None:
    assert [each.name for each in able(MODELS, 4_000_000_000)] == ["org/large", "org/small", "builtin"]
    assert [each.name for each in able(MODELS, 100_000_000)] == ["builtin"]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, str]]:
    """On a machine that nothing can measure."""
    monkeypatch.setenv("CAUSERIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(model_offer, "machine_record", _fails)

    def asked(typed: str, models: list[LibraryModel] = MODELS) -> tuple[str, str]:
        monkeypatch.setattr(model_offer, "library", lambda folder: models)
        monkeypatch.setattr(model_offer, "model_memory", lambda: 4_000_000_000)
        out = io.StringIO()
        return offered_model(tmp_path / "data" / "model", None, io.StringIO(typed), out), out.getvalue()

    return asked


def test_an_answer_is_a_number_or_a_name_and_is_remembered(ask: Callable[..., tuple[str, str]]) -> None:
    name, shown = ask("\n")
    assert name == "org/large" and shown.splitlines()[3:] == [
        "> 1  org/large         3 B    6.0 GB  in int8         ?",
        "  2  org/small       100 M  200.0 MB  yes             ?",
        "  3  builtin           5 M   10.0 MB  yes             ?",
        "1–3 [1] ",
    ]
    name, shown = ask("9\nx\n2\n")
    assert name == "org/small" and shown.count("A number from 1 to 3, please") == 2
    assert ask("\n")[0] == "org/small" and ask("builtin\n")[0] == "builtin"
    with pytest.raises(KeyboardInterrupt):
        ask("")
    assert ask("\n", [BUILTIN, model("org/new", 1000)])[0] == "builtin"  # remembered
    assert ask("", [BUILTIN]) == ("builtin", "")  # nothing to ask


def test_a_machine_is_measured_before_the_first_list(
    ask: Callable[..., tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = 0

    def measured(settings: Settings) -> MachineRecord:
        nonlocal times
        times += 1
        fingerprint = Fingerprint.of(
            hardware(), thread_count(None, settings), str(native_state(settings).instruction_set)
        )
        record = MachineRecord(fingerprint, "today", (1e10,), dict.fromkeys(("float32", "bfloat16", "int8"), (1e12,)))
        record.save(record_folder(settings))
        return record

    monkeypatch.setattr(model_offer, "machine_record", measured)
    models = [BUILTIN, replace(MODELS[1], folder=builtin_folder())]
    assert "tokens/s here" not in larger_words()
    _, shown = ask("\n", models)
    assert shown.startswith("Measuring this machine") and not shown.splitlines()[3].endswith("?")
    assert "Measuring" not in ask("\n", models)[1] and times == 1
    # Ten gigabytes a second for 0.7 GB in bfloat16 as it is packed, or 1 GB as it is not.
    assert re.fullmatch(r"causerie chat Qwen/\S+ \(988.1 MB, about (8|9|1[0-4])(\.\d)? tokens/s here\)", larger_words())


def test_a_chat_in_a_terminal_asks_where_there_is_a_choice(
    terminal: Callable[..., Any], model_name: str, tmp_path: Path
) -> None:
    from causerie import builtin_model_path

    place = tmp_path / "hub" / "models--org--copy"
    snapshot = place / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("a" * 40)
    for file in Path(builtin_model_path()).iterdir():
        os.symlink(file, snapshot / file.name)
    assert json.loads((snapshot / "config.json").read_text())
    own = {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1", "CAUSERIE_DATA": str(tmp_path / "data")}
    chat = terminal("chat", **own)
    chat.wait_for(r"1–[23] \[1\] ")  # with SmolLM2 or without
    chat.type("1\n")
    chat.wait_for(r"org/copy")
    chat.wait_for(r"help lists the commands")
    assert (tmp_path / "data" / "model").read_text() == "org/copy"
