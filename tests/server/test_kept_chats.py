"""Chats on the server: the same from every device, none overwritten by another device or lost with the server."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from causerie.chat.chat_files import ChatFolder, SavedChat
from causerie.cli.main import main
from causerie.server.http import kept_chats
from causerie.server.http.kept_chats import Conflict, Full, KeptChats
from tests.server.server_process import Server, serving, start


def chat(name: str = "c1", *texts: str, **fields: Any) -> dict[str, Any]:
    """A chat of the page with those messages."""
    nodes: dict[str, Any] = {}
    parent = None
    for place, text in enumerate(texts or ("Why is the sea salty?",)):
        role = "assistant" if place % 2 else "user"
        nodes[f"n{place}"] = {"id": f"n{place}", "parent": parent, "role": role, "text": text, "calls": [], "files": []}
        parent = f"n{place}"
    known = {"title": "The sea", "updated": 5, "model": "builtin", "system": "", "settings": {"max_tokens": 9}}
    return {"id": name, **known, "nodes": nodes, "leaf": parent, **fields}


@dataclass
class Keeper:
    """A server that keeps chats in a folder; its keys' file names one key."""

    server: Server
    folder: Path

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": "Bearer secret"}
        return httpx.request(method, self.server.url + path, headers=headers, timeout=30, **options)

    def put(self, value: dict[str, Any], revision: str | None = None) -> httpx.Response:
        return self.ask("PUT", f"/chats/{value['id']}", json={"chat": value, "revision": revision})


@pytest.fixture(scope="module")
def keeper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    folder = tmp_path_factory.mktemp("keeper")
    (folder / "keys").write_text("secret\n")
    with serving(folder, "--keep-chats", str(folder / "chats"), "--api-key-file", str(folder / "keys")) as server:
        yield Keeper(server, folder / "chats")


def test_a_chat_is_written_once_for_each_revision(keeper: Keeper) -> None:
    first = keeper.put(chat("two"))
    assert first.status_code == 200
    revision = first.json()["revision"]
    assert keeper.ask("GET", "/chats/two").json() == {"revision": revision, "chat": chat("two")}
    second = keeper.put(chat("two", "Why?", "Salt."), revision)
    assert second.status_code == 200 and second.json()["revision"] != revision
    late = keeper.put(chat("two", "Why?", "Another answer."), revision)  # of a device that had the first one
    assert late.status_code == 409 and late.json()["error"]["code"] == "chat_changed"
    assert late.json()["newer"] == {"revision": second.json()["revision"], "chat": chat("two", "Why?", "Salt.")}
    assert keeper.put(chat("two")).status_code == 409
    (row,) = [each for each in keeper.ask("GET", "/chats").json()["chats"] if each["id"] == "two"]
    assert row["title"] == "The sea" and row["messages"] == 2 and row["revision"] == second.json()["revision"]
    assert "nodes" not in row
    assert keeper.ask("DELETE", "/chats/two", params={"revision": revision}).status_code == 409
    assert keeper.ask("DELETE", "/chats/two").status_code == 400
    assert keeper.ask("DELETE", "/chats/two", params={"revision": row["revision"]}).json()["deleted"]
    assert keeper.ask("GET", "/chats/two").status_code == 404
    gone = keeper.put(chat("two"), row["revision"])
    assert gone.status_code == 409 and gone.json()["newer"] is None


def test_the_terminal_and_the_page_have_the_same_chats(keeper: Keeper) -> None:
    terminal = ChatFolder(keeper.folder)
    written = [{"role": "user", "content": "Say é."}, {"role": "assistant", "content": "é"}]
    terminal.save("from the terminal", SavedChat("builtin", written, {"max_new_tokens": 7}))
    (row,) = [each for each in keeper.ask("GET", "/chats").json()["chats"] if each["title"] == "from the terminal"]
    answer = keeper.ask("GET", f"/chats/{row['id']}").json()
    assert [each["text"] for each in answer["chat"]["nodes"].values()] == ["Say é.", "é"]
    assert answer["chat"]["settings"] == {"max_tokens": 7}
    assert keeper.put(answer["chat"], answer["revision"]).status_code == 200
    assert terminal.load("from the terminal").messages == written
    assert keeper.put(chat("there", "One?", "Two.", title="../..//what: a/title?")).status_code == 200
    loaded = terminal.load("what a title")
    assert [message["content"] for message in loaded.messages] == ["One?", "Two."] and loaded.model == "builtin"
    assert loaded.settings == {"max_new_tokens": 9}
    assert keeper.put(chat("another", title="what a title")).status_code == 200
    assert "what a title (2)" in terminal.names()


def test_texts_are_searched_and_what_is_no_chat_is_named(keeper: Keeper) -> None:
    keeper.put(chat("found", "Where is Timbuktu?", title="x"))
    (keeper.folder / "broken.json").write_text("{")
    answer = keeper.ask("GET", "/chats", params={"words": "TIMBUKTU"}).json()
    assert [each["id"] for each in answer["chats"]] == ["found"] and answer["unreadable"] == ["broken.json"]
    assert answer["kept"]


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("c", {"chat": {**chat("c"), "leaf": "nobody"}}, 400),
        ("other", {"chat": chat("c")}, 400),
        ("c", {"chat": chat("c"), "force": True}, 400),
        ("c" * 65, {"chat": chat("c" * 65)}, 400),
        ("..%2F..%2Fx", {"chat": chat("c")}, 404),
        ("c", {"chat": chat("c", "x" * (8 << 20))}, 413),
    ],
)
def test_what_is_no_chat_is_refused(keeper: Keeper, name: str, body: dict[str, Any], status: int) -> None:
    answer = keeper.ask("PUT", f"/chats/{name}", json=body)
    assert answer.status_code == status and answer.json()["error"]["message"]


def test_they_are_under_the_gate(keeper: Keeper, server: Server) -> None:
    for method, path in (("GET", "/chats"), ("GET", "/chats/c"), ("PUT", "/chats/c"), ("DELETE", "/chats/c")):
        assert httpx.request(method, keeper.server.url + path).status_code == 401
    plain = keeper.ask("PUT", "/chats/c", content="{}")
    assert plain.status_code == 415
    assert server.get("/chats").json() == {"kept": False, "chats": [], "unreadable": []}
    refused = server.get("/chats/c")
    assert refused.status_code == 403 and "--keep-chats" in refused.json()["error"]["message"]


def test_no_chat_that_was_reported_kept_is_lost_with_the_server(tmp_path: Path) -> None:
    """The server is killed in the midst of writes; each that was answered is there, whole."""
    folder = tmp_path / "chats"
    server = start(tmp_path, "--keep-chats", str(folder))
    kept: dict[str, int] = {}

    def write(name: str) -> None:
        revision = None
        with httpx.Client(timeout=10) as client:
            for turn in range(1, 10_000):
                body = {
                    "chat": chat(name, *(f"text {at}" for at in range(turn % 50 + 1)), turn=turn),
                    "revision": revision,
                }
                try:
                    answer = client.put(f"{server.url}/chats/{name}", json=body)
                except httpx.HTTPError:
                    return
                revision, kept[name] = answer.json()["revision"], turn

    threads = [threading.Thread(target=write, args=(f"w{at}",)) for at in range(3)]
    for thread in threads:
        thread.start()
    server.wait(lambda: len(kept) == 3 and min(kept.values()) > 5)
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    for thread in threads:
        thread.join()
    after = KeptChats(folder)
    for name, turn in kept.items():
        there = after.read(name)
        assert there is not None and there.tree["turn"] in (turn, turn + 1)  # one may be kept and not yet answered
        assert len(there.tree["nodes"]) == there.tree["turn"] % 50 + 1
    assert after.rows()[1] == []


def test_two_servers_of_one_folder_do_not_overwrite_each_other(tmp_path: Path) -> None:
    one, other = KeptChats(tmp_path), KeptChats(tmp_path)
    lost = []

    def add(chats: KeptChats, mark: str) -> None:
        for turn in range(20):
            while True:
                former = chats.read("c")
                tree = chat("c", marks=[]) if former is None else former.tree
                try:
                    chats.write(
                        {**tree, "marks": [*tree["marks"], f"{mark}{turn}"]}, former.revision if former else None
                    )
                    break
                except Conflict:
                    lost.append(turn)

    threads = [threading.Thread(target=add, args=each) for each in ((one, "a"), (other, "b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    there = one.read("c")
    assert there is not None and sorted(there.tree["marks"]) == sorted(f"{m}{t}" for m in "ab" for t in range(20))


def test_there_is_an_end_to_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chats = KeptChats(tmp_path)
    revision = chats.write(chat("a"), None)
    monkeypatch.setattr(kept_chats, "MOST_CHATS", 1)
    with pytest.raises(Full, match="keeps 1 chats"):
        chats.write(chat("b"), None)
    monkeypatch.setattr(kept_chats, "MOST_FOLDER_BYTES", 2_000)
    with pytest.raises(Full, match="bytes; at most 2000"):
        chats.write(chat("a", "x" * 2_000), revision)
    there = chats.read("a")
    assert there is not None and there.tree == chat("a")  # which is as it was


def test_a_disk_that_is_full_leaves_the_chat_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chats = KeptChats(tmp_path)
    revision = chats.write(chat("a"), None)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            chats.write(chat("a", "more"), revision)
    there = chats.read("a")
    assert there is not None and there.tree == chat("a") and len(list(tmp_path.iterdir())) == 2


def test_a_file_that_others_wrote_cannot_break_the_list(tmp_path: Path) -> None:
    for name, text in (
        ("deep", "[" * 5_000),
        ("half", json.dumps({"messages": [{"role": "user", "content": "x"}]}).replace("x", "\\ud83d")),
        ("roleless", '{"messages": [{"content": "x"}]}'),
        ("circle", json.dumps({"messages": [], "tree": {"id": "c", "nodes": {}, "leaf": "x"}})),
    ):
        (tmp_path / f"{name}.json").write_text(text)
    assert KeptChats(tmp_path).rows() == ([], ["circle.json", "deep.json", "half.json", "roleless.json"])


def test_a_folder_that_cannot_be_written_is_said_before_anything_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["serve", "--port", "0", "--keep-chats", str(tmp_path / "file")]) == 2
    assert "--keep-chats" in capsys.readouterr().err


def test_a_folder_is_told_from_another(tmp_path: Path) -> None:
    one, again, other = KeptChats(tmp_path / "a"), KeptChats(tmp_path / "a"), KeptChats(tmp_path / "b")
    assert one.identity() == again.identity() != other.identity()
    assert one.rows() == ([], [])
