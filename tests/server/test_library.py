"""Choosing and downloading over HTTP: who may, what is offered, that a download is told, cancelled and gone on with."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ollama
import pytest

from causerie import builtin_model_path
from causerie.builtin import LARGER
from tests.server.library_server import GATED, NAME, LibraryServer, huge_model, library_serving
from tests.server.server_process import Server, serving


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibraryServer]:
    folder = tmp_path_factory.mktemp("library")
    shutil.copytree(builtin_model_path(), folder / "models" / "second")
    huge_model(folder / "models" / "huge")
    with library_serving(folder, "--allow-downloads", "--models-dir", str(folder / "models")) as made:
        yield made


def rows(place: LibraryServer) -> dict[str, dict[str, Any]]:
    answer = place.server.get("/library").json()
    assert answer["may_download"]
    return {row["id"]: row for row in answer["models"]}


def download(place: LibraryServer, name: str) -> dict[str, Any]:
    every = {row["model"]: row for row in place.server.get("/library/downloads").json()["downloads"]}
    return every[name]


def state(place: LibraryServer, name: str) -> str:
    return str(download(place, name)["state"])


def served(server: Server) -> list[str]:
    return [model["id"] for model in server.get("/v1/models").json()["data"]]


def test_what_is_here_is_offered_and_can_be_taken(place: LibraryServer) -> None:
    second = next(name for name in rows(place) if name.endswith("second"))
    builtin = rows(place)["builtin"]
    assert builtin["served"] and builtin["parameters"] == rows(place)[second]["parameters"]
    assert (builtin["fits"], builtin["format"], builtin["context"]) == ("fits", "bfloat16", 2048)
    assert not rows(place)[second]["served"] and served(place.server) == ["builtin"]
    assert place.server.chat("Hi", model=second).status_code == 404
    answer = place.server.get("/library").json()
    (larger,) = answer["suggested"]
    assert larger["id"] == LARGER and larger["parameters"] == 494_032_768 and larger["fits"] == "fits"
    assert larger["bytes"] == pytest.approx(2 * larger["parameters"], rel=1e-3)
    # Of 100 GB/s for some 0.7 GB in bfloat16 as it is packed, or 1 GB as it is not.
    assert 80 < larger["expected_tokens_per_second"]["usual"] < 150 and not answer["measuring"]
    for _ in range(2):
        assert place.server.post("/library/serve", {"model": second}).json() == {"model": second, "served": True}
    assert served(place.server) == ["builtin", second] and rows(place)[second]["served"]
    assert place.server.said("What is a token?", model=second) == place.server.said("What is a token?")
    schemas = place.server.get("/openapi.json").json()["components"]["schemas"]
    assert second in schemas["LoadBody"]["properties"]["model"]["anyOf"][0]["enum"]


def test_what_is_told_before_is_what_a_loaded_model_tells(place: LibraryServer) -> None:
    place.server.wait(lambda: place.server.get("/v1/models").json()["data"][0]["status"] == "loaded")
    before, loaded = rows(place)["builtin"], place.server.get("/v1/models/builtin").json()
    assert loaded["format"] == before["format"] and loaded["context"] == before["context"]
    assert loaded["weight_bytes"] <= before["needed_bytes"]
    for figure in ("expected_tokens_per_second", "expected_read_tokens_per_second"):
        assert loaded[figure] == pytest.approx(before[figure], rel=0.3), figure


def test_what_has_no_room_says_how_much_it_lacks(place: LibraryServer) -> None:
    huge = next(row for name, row in rows(place).items() if name.endswith("huge"))
    memory = place.server.get("/memory").json()
    assert huge["fits"] == "too_large" and huge["format"] == "int4" and not huge["served"]
    lacks = huge["needed_bytes"] - memory["free"] - memory["models"]
    assert huge["missing_bytes"] == pytest.approx(lacks, rel=0.05)
    assert huge["expected_tokens_per_second"] is None
    refused = place.server.post("/library/serve", {"model": huge["id"]})
    assert refused.status_code == 404 and "fit" in refused.json()["error"]["message"]


def test_a_model_is_unloaded_and_its_memory_is_told(place: LibraryServer) -> None:
    second = next(name for name in rows(place) if name.endswith("second"))
    place.server.post("/library/serve", {"model": second})
    for model in ("builtin", second):
        assert place.server.said("What is a token?", model=model)
    both = place.server.get("/memory").json()
    assert sum(both[part] for part in ("other", "models", "chats", "free")) == both["total"]
    loaded = {row["id"]: row for row in place.server.get("/v1/models").json()["data"]}
    weights = loaded["builtin"]["weight_bytes"]
    assert both["models"] == weights + loaded[second]["weight_bytes"] and weights > 0
    place.server.wait(lambda: place.server.get("/memory").json()["chats"] > 0)
    for _ in range(2):  # what is not there is not there afterwards
        answer = place.server.post("/unload_model", {"model": second})
        assert answer.json() == {"model": second, "status": "unloaded"}
        assert place.server.get(f"/v1/models/{second}").json()["status"] == "unloaded"
    assert place.server.get("/memory").json()["models"] == weights
    assert place.server.post("/unload_model", {"model": "third"}).status_code == 404


def test_a_download_is_told_cancelled_and_gone_on_with(place: LibraryServer) -> None:
    place.gate.clear()
    assert place.server.post("/library/download", {"model": NAME}).json()["state"] == "running"
    place.server.wait(lambda: download(place, NAME)["total"] > 0)
    assert place.server.post("/library/download", {"model": NAME}).json()["state"] == "running"  # the same one
    assert place.server.post("/library/cancel", {"model": NAME}).json()["state"] == "cancelled"
    assert state(place, NAME) == "cancelled" and NAME not in rows(place)
    missing = place.server.post("/library/cancel", {"model": NAME})
    assert missing.status_code == 400 and "is not being downloaded" in missing.text
    place.gate.set()
    place.server.post("/library/download", {"model": NAME})
    place.server.wait(lambda: state(place, NAME) == "done")
    done = download(place, NAME)
    assert done["bytes"] == done["total"] > 0
    assert rows(place)[NAME]["fits"] == "fits"
    place.server.post("/library/serve", {"model": NAME})
    assert place.server.said("What is a token?", model=NAME) == place.server.said("What is a token?")


def test_what_goes_wrong_is_a_sentence(place: LibraryServer) -> None:
    for name, words in (
        (GATED, "licence|access"),
        ("org/none", "no model|not"),
        ("nothing", "neither a folder"),
        ("builtin", "'builtin'"),
    ):
        place.server.post("/library/download", {"model": name})
        place.server.wait(lambda name=name: state(place, name) == "failed")
        assert re.search(words, download(place, name)["note"]), download(place, name)["note"]
    for route, body in (
        ("/library/serve", {"model": "org/none"}),
        ("/library/serve", {"model": "/etc"}),
        ("/library/download", {"model": ""}),
        ("/library/download", {"model": "x" * 1000}),
        ("/library/search", {"words": " "}),
        ("/library/search", {"words": "x" * 1000}),
    ):
        answer = place.server.post(route, body)
        assert answer.status_code in (400, 404) and answer.json()["error"]["message"], answer.text


def test_at_most_two_downloads_run(place: LibraryServer) -> None:
    place.gate.clear()
    for name in ("org/one", "org/two", "org/three"):
        place.hub.add(name, {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": name.encode() * 9})
    for name in ("org/one", "org/two"):
        assert place.server.post("/library/download", {"model": name}).status_code == 200
    third = place.server.post("/library/download", {"model": "org/three"})
    assert third.status_code == 400 and "org/one and org/two are being downloaded" in third.text
    for name in ("org/one", "org/two"):
        place.server.post("/library/cancel", {"model": name})
    place.gate.set()


def test_the_hub_is_searched(place: LibraryServer) -> None:
    (hit,) = place.server.post("/library/search", {"words": "copy"}).json()["models"]
    assert hit["id"] == NAME and set(hit) >= {"parameters", "bytes", "fits", "formats", "licence", "gated"}
    place.hub.fault = lambda exchange: exchange.answer(503, b"")
    silent = place.server.post("/library/search", {"words": "copy"})
    place.hub.fault = place.wait
    assert silent.status_code == 503 and silent.json()["error"]["code"] == "hub_unavailable"


@pytest.mark.parametrize(
    ("options", "choosing", "downloads"),
    [((), True, False), (("builtin",), False, False), (("builtin", "--allow-downloads"), True, True)],
)
def test_who_may(options: tuple[str, ...], choosing: bool, downloads: bool, tmp_path: Path) -> None:
    """Without a named model its users choose; downloads need the flag, and without both only what is served is told."""
    with serving(tmp_path, *options) as server:
        told = server.get("/library").json()
        assert (told["may_choose"], told["may_download"]) == (choosing, downloads)
        assert "builtin" in {row["id"] for row in told["models"]}
        assert server.get("/library/downloads").json() == {
            "downloads": [],
            "may_choose": choosing,
            "may_download": downloads,
        }
        if not choosing:
            assert [row["id"] for row in told["models"]] == ["builtin"]
            assert server.post("/library/serve", {"model": "builtin"}).status_code == 403
        if not downloads:
            for route, body in (
                ("/library/search", {"words": "x"}),
                ("/library/download", {"model": NAME}),
                ("/library/cancel", {"model": NAME}),
            ):
                answer = server.post(route, body)
                assert answer.status_code == 403 and "--allow-downloads" in answer.json()["error"]["message"]


def test_a_pull_by_ollamas_client(place: LibraryServer) -> None:
    client = place.server.ollama_client()
    states = [event.status for event in client.pull(f"{NAME}:latest", stream=True)]
    assert states[0] == "pulling manifest" and states[-1] == "success"
    assert NAME in served(place.server) and client.show(NAME).details
    assert client.pull("builtin").status == "success"  # served already
    with pytest.raises(ollama.ResponseError, match=GATED):
        client.pull(GATED)
