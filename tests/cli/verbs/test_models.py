"""`causerie models` against a hub on this machine: whole outputs, JSON, and what is said where nobody answers."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causerie.api.library.model_names import packaged_models
from causerie.checkpoint.writer import write_safetensors
from causerie.cli.main import main
from causerie.hub.size_range import SizeRange
from causerie.plan.computer import Computer, Span
from tests.hub.fake_hub import FakeHub, etag_of, running_hub

CONFIG = {
    "model_type": "llama",
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "vocab_size": 64,
}
NAME = "org/tiny-1B"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setattr("causerie.hub.patience._FIRST_WAIT", 0.0)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    weights = tmp_path / "made.safetensors"
    write_safetensors(weights, {"w": np.zeros((10, 100), dtype=np.float32)})
    files = {"config.json": json.dumps(CONFIG).encode(), "tokenizer.json": b"{}", "README.md": b"# read"}
    with running_hub() as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        hub.add(
            NAME,
            files | {"model.safetensors": weights.read_bytes()},
            tags=["safetensors", "license:apache-2.0", "en", "code"],
            pipeline_tag="text-generation",
            cardData={"license": "apache-2.0", "language": ["en", "de"], "base_model": "org/base"},
            downloads=1_234_567,
            likes=89,
            trendingScore=5,
            safetensors={"parameters": {"BF16": 1_000_000_000}, "total": 1_000_000_000},
            evalResults=[{"dataset": {"id": "cais/hle", "task_id": "default"}, "value": 20.9}],
        )
        index = {
            "task": {"type": "text-generation"},
            "dataset": {"name": "MMLU (5-shot)", "type": "mmlu"},
            "metrics": [{"type": "acc", "name": "accuracy", "value": 61.5}],
            "source": {"name": "a harness", "url": "https://example.com/run"},
        }
        hub.add(
            "other/Large-8x7B-GGUF",
            {"a.gguf": b"GGUF"},
            tags=["gguf", "license:mit", "medical"],
            pipeline_tag="text-generation",
            downloads=50,
            trendingScore=9,
            gguf={"total": 47_000_000_000},
            gated="auto",
            **{"model-index": [{"name": "Large", "results": [index]}]},
        )
        hub.scores["Idavidrein/gpqa"] = [
            {"rank": 1, "modelId": "org/big-70B", "value": 61.2, "filename": "a", "verified": True, "author": {},
             "source": {"url": "https://example.com/a"}},
            {"rank": 2, "modelId": NAME, "value": 12, "filename": "b", "verified": False, "author": {}},
            {"rank": 3, "value": "broken"},
        ]  # fmt: skip
        yield hub


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`said(*words)`: the exit code of a command, and what it printed."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["models", *words])
        return code, *capsys.readouterr()

    return run


Said = Callable[..., tuple[int, str, str]]


def test_what_is_pulled_is_listed_and_can_be_deleted(hub: FakeHub, said: Said, monkeypatch: Any) -> None:
    code, out, _ = said("pull", NAME)
    assert code == 0 and out.startswith(f"{NAME} is here: 4.") and "commit " in out
    code, out, _ = said()
    head, *rows = out.splitlines()
    assert head.split() == ["model", "size", "family", "precision", "parameters", "fits?", "last", "used"]
    [row] = [row for row in rows if row.startswith(NAME)]
    assert row.split()[1:6] == ["4.3", "kB", "llama", "float32", "1"] and " yes " in row and row.endswith("just now")
    assert any(row.startswith("builtin ") for row in rows)
    report = {row["name"]: row for row in json.loads(said("--json")[1])}[NAME]
    assert report["parameters"] == 1000 and report["runs"] and report["fits"] == "stored" and report["lacks"] is None
    assert report["commit"] == hub.repositories[NAME].revisions["main"]
    code, _, err = said("rm", NAME)
    assert code == 2 and "--yes deletes without asking" in err
    for answer, wanted in (("n\n", 1), ("", 1), ("y\n", 0)):
        terminal = io.StringIO(answer)
        terminal.isatty = lambda: True  # type: ignore[method-assign]
        monkeypatch.setattr("sys.stdin", terminal)
        code, out, err = said("rm", NAME)
        assert code == wanted and f"Delete {NAME}, 4." in err
    assert NAME not in said()[1]
    assert said("pull", NAME)[0] == 0 and json.loads(said("rm", NAME, "--yes", "--json")[1])["name"] == NAME
    code, _, err = said("rm", NAME, "--yes")
    assert code == 2 and f"{NAME} is not in the cache" in err
    assert said("rm", "builtin", "--yes")[0] == 2


def test_a_folder_of_models_and_what_is_not_whole(hub: FakeHub, said: Said, tmp_path: Path) -> None:
    folder = tmp_path / "mine" / "half"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "unheard_of"}')
    hub.fault = lambda exchange: exchange.kind == "store" and exchange.answer(500)
    assert said("pull", NAME)[0] == 2
    out = said("--models-dir", str(tmp_path / "mine"))[1]
    assert f"{folder} is not whole: " in out and "`causerie models pull org/tiny-1B` fetches it." in out
    (folder / "tokenizer.json").write_text("{}")
    write_safetensors(folder / "model.safetensors", {"w": np.zeros(3, np.float32)})
    assert f"{folder}: its family 'unheard_of' is not built in" in said("--models-dir", str(tmp_path / "mine"))[1]
    code, _, err = said("--models-dir", str(tmp_path / "absent"))
    assert code == 2 and "There is no folder" in err


def test_a_page_tells_what_is_here_and_what_the_hub_says(hub: FakeHub, said: Said) -> None:
    out = said("show", NAME)[1]
    assert "here          no; `causerie models pull org/tiny-1B` downloads it" in out
    assert "licence       apache-2.0" in out and "languages     en, de" in out and "made from     org/base" in out
    assert "1.23 M downloads a month" in out and "model.safetensors" in out
    said("pull", NAME)
    hub.repositories[NAME].commit({"config.json": b"{}"})
    page = json.loads(said("show", NAME, "--json")[1])
    assert page["here"]["parameters"] == 1000 and page["hub"]["commit"] != page["here"]["commit"]
    assert "what is here is another commit" in said("show", NAME)[1]
    assert "family        llama" in said("show", "builtin")[1]
    code, _, err = said("show", "org/absent")
    assert code == 2 and "The hub has no model org/absent" in err


def test_a_file_that_was_damaged_is_told_deleted_and_fetched_alone(hub: FakeHub, said: Said, tmp_path: Path) -> None:
    said("pull", NAME)
    assert said("verify")[:2] == (0, "3 files of 1 model: 3 right, 0 not.\n")
    [blob] = [path for path in (tmp_path / "cache").rglob("blobs/*") if len(path.name) == 64]
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    code, out, _ = said("verify", NAME)
    wrong = etag_of("model.safetensors", bytes(content))
    assert code == 1 and f"model.safetensors is wrong: its hash is {wrong}, and {blob.name} was expected" in out
    states = {each["name"]: each["state"] for each in json.loads(said("verify", "--json")[1])}
    assert states == {"config.json": "right", "tokenizer.json": "right", "model.safetensors": "wrong"}
    assert said("verify", "--delete-wrong")[0] == 1 and not blob.exists()
    hub.served.clear()
    assert said("pull", NAME)[0] == 0 and hub.served == ["model.safetensors"] and said("verify")[0] == 0
    blob.unlink()
    assert "model.safetensors is missing: its content is not there" in said("verify")[1]
    assert said("verify", "org/absent")[0] == 2


def test_a_search_shows_what_fits(hub: FakeHub, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("causerie.cli.models.search_rows.model_memory", lambda: 4_000_000_000)
    _, out, _ = said("search")
    assert [line.split()[0] for line in out.splitlines()] == ["model", "other/Large-8x7B-GGUF", NAME]
    assert "47 B" in out and "mit (gated)" in out and "gguf" in out
    rows = json.loads(said("search", "tiny", "--json")[1])
    assert [(row["name"], row["fits"], row["stored_bytes"]) for row in rows] == [(NAME, "stored", 2_000_000_000)]
    assert json.loads(said("search", "--domain", "medical", "--json")[1])[0]["fits"] == "no"
    assert json.loads(said("search", "--sort", "downloads", "--limit", "1", "--json")[1])[0]["name"] == NAME
    said("search", "--task", "any", "--size", "1B-8B", "--licence", "mit", "--language", "en", "--format", "gguf")
    query = hub.requests[-1][1]
    for part in (
        "num_parameters=min%3A1B%2Cmax%3A8B",
        "filter=license%3Amit",
        "filter=en",
        "filter=gguf",
        "expand=tags",
    ):
        assert part in query
    assert "pipeline_tag=" not in query
    assert said("search", "no such words")[1].startswith("The hub has no such model.")


@pytest.mark.parametrize(
    ("text", "asked"), [("8B", "max:8B"), ("1b-8b", "min:1B,max:8B"), ("30B-", "min:30B"), ("0.5B-", "min:0.5B")]
)
def test_a_range_of_sizes(text: str, asked: str) -> None:
    assert SizeRange.read(text).asked == asked


def test_scores_are_told_with_who_says_so(hub: FakeHub, said: Said) -> None:
    _, out, _ = said("leaderboard", "gpqa")
    first, second = out.splitlines()[1:3]
    assert first.split()[:2] == ["61.2", "org/big-70B"] and first.endswith("yes       https://example.com/a")
    assert second.split()[:2] == ["12", NAME] and second.endswith(f"the page of {NAME}")
    said("leaderboard", "gpqa", "--derived")
    assert hub.requests[-1][1].endswith("leaderboard?base_model=false")
    rows = json.loads(said("leaderboard", "--json")[1])
    assert {(row["model"], row["benchmark"], row["value"], row["source"]) for row in rows} == {
        (NAME, "cais/hle", 20.9, f"the page of {NAME}"),
        ("other/Large-8x7B-GGUF", "MMLU (5-shot)", 61.5, "https://example.com/run"),
    }
    assert [row["value"] for row in json.loads(said("leaderboard", "mmlu", "--json")[1])] == [61.5]
    assert said("leaderboard", "unheard-of")[1].startswith("No page publishes a score of unheard-of.")
    code, _, err = said("leaderboard", "org/none")
    assert code == 2 and "The hub has no leaderboard of org/none. Known names: aime," in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["serach"], 2, "Unknown action of `causerie models` 'serach'. Known, nearest first: search"),
        (["list", "x"], 2, "takes no words, and there is 'x'"),
        (["show"], 2, "takes one model, and 0 are named"),
        (["pull", "a/b", "c/d"], 2, "takes one model, and 2 are named"),
        (["search", "--size", "large"], 2, "'LARGE' is no range|'large' is no range of sizes; expected 8B"),
        (["search", "--domain", "medicine"], 2, "Unknown domain 'medicine'. Known, nearest first: medical"),
        (["search", "--sort", "like"], 2, "Unknown order 'like'. Known, nearest first: likes"),
        (["rm", "x/y", "--limit", "3"], 2, "--limit is of search, leaderboard, and not of `models rm`"),
        (["search", "--yes"], 2, "--yes is of rm, and not of `models search`"),
        (["pull", "not a name"], 2, "is neither a folder, nor 'builtin', nor a hub id"),
        (["leaderboard", "--derived"], 2, "name a benchmark"),
    ],
)
def test_mistakes(said: Said, hub: FakeHub, words: list[str], code: int, message: str) -> None:
    result, out, err = said(*words)
    assert result == code and not out
    assert any(part in err for part in message.split("|"))


def test_without_a_network_each_says_so(hub: FakeHub, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    said("pull", NAME)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    for words in (["pull", NAME], ["search", "x"], ["leaderboard"], ["leaderboard", "gpqa"], ["show", "org/other"]):
        code, out, err = said(*words)
        assert code == 2 and not out and "nobody answers at that address" in err and err.count("\n") == 1
    code, out, _ = said("show", NAME)
    assert code == 0 and "family        llama" in out and "hub           The hub said nothing of org/tiny-1B" in out
    assert said()[0] == said("verify")[0] == 0 and said("rm", NAME, "--yes")[0] == 0
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for words in (["pull", NAME], ["search", "x"], ["leaderboard"]):
        code, out, err = said(*words)
        assert code == 2 and not out and "HF_HUB_OFFLINE" in err
    assert os.listdir()


def test_three_questions_lead_to_a_model(hub: FakeHub, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    computer = Computer("made up", "cpu", 8_000_000_000, Span.of(50e9), {})
    monkeypatch.setattr("causerie.api.machine.measurements.this_machine", lambda settings: computer)
    for name, count, tags in (
        ("a/base-7B", 7e9, []),
        ("a/chat-7B", 7e9, ["conversational"]),
        ("a/tiny", 1e8, ["conversational"]),
    ):
        facts = {
            "safetensors": {"parameters": {"BF16": int(count)}},
            "pipeline_tag": "text-generation",
            "trendingScore": 1,
        }
        hub.add(name, {"config.json": b"{}"}, tags=["safetensors", "code", *tags], **facts)
    monkeypatch.setattr("sys.stdin", io.StringIO("code\n7\n2\nmuch\n"))
    code, out, err = said("help-me-choose")
    assert code == 0 and "What is it for?\n  1  talking" in err and "A number from 1 to 3, please" in err
    assert "Up to 11 B parameters in int4 (6.2 GB of weights): this machine's free memory sets the limit." in out
    assert "a/chat-7B         7 B  int4" in out and "base" not in out and "a/tiny" not in out
    assert "num_parameters=max%3A11.0B" in hub.requests[-1][1] and "filter=code" in hub.requests[-1][1]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n\n\n"))
    values = json.loads(said("help-me-choose", "--json")[1])
    assert values["limit"] == "speed" and values["weight_bytes"] == 1_500_000_000
    here = [name for name in ("smollm2", "builtin") if name in packaged_models()]
    assert sorted(values["here"]) == sorted(here)  # the one that was used last comes first
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("sys.stdin", io.StringIO("\n\n\n"))
    out = said("help-me-choose")[1]
    assert "nobody answers at that address" in out and f"Here already: {', '.join(values['here'])}." in out
    monkeypatch.setattr("sys.stdin", io.StringIO("1\n"))
    assert "the answers ended before" in said("help-me-choose")[2]
