"""Downloads that are killed, damaged, or done by several at once, and disks that are full (T22 to T24, T27 and T28 of
the failures of the field). What is right is said by the content that the test made."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import random
import signal
import threading
import zlib
from pathlib import Path
from typing import Any

import pytest

from causerie.checkpoint.hub import pull, resolve
from causerie.errors import CheckpointError, RevisionWarning
from causerie.hub import owner, turn
from causerie.hub import part as part_module
from causerie.hub.cache_folder import CacheFolder, ModelCache
from causerie.hub.part import Part
from causerie.hub.pull import Pull
from causerie.hub.repository import HubFile
from tests.hub.downloads import (
    NAME,
    PIECE,
    SIZE,
    STRETCH,
    blobs,
    child,
    described,
    fail_at,
    fetch,
    in_child,
    is_right,
    kill_after,
)
from tests.hub.fake_hub import Exchange, FakeHub, Fault, etag_of, git_hash, on, times


def test_the_layout_is_that_of_other_programs(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    from huggingface_hub import scan_cache_dir, snapshot_download

    folder = resolve(NAME, cache=tmp_path, endpoint=hub.url, progress=False)
    assert is_right(folder, weights)
    theirs = snapshot_download(NAME, cache_dir=tmp_path, local_files_only=True)
    assert Path(theirs) == folder
    scanned = scan_cache_dir(tmp_path)
    assert not scanned.warnings and [repo.repo_id for repo in scanned.repos] == [NAME]
    assert blobs(tmp_path) == sorted({etag_of("model.safetensors", weights), git_hash(b"{}")})
    before = hub.sent
    assert Path(snapshot_download(NAME, cache_dir=tmp_path, endpoint=hub.url)) == folder
    assert hub.sent == before  # nothing is missing in its eyes


def test_what_another_program_downloaded_is_used(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    from huggingface_hub import snapshot_download

    theirs = snapshot_download(NAME, cache_dir=tmp_path, endpoint=hub.url)
    before = hub.sent
    assert resolve(NAME, cache=tmp_path, endpoint=hub.url, progress=False) == Path(theirs) and hub.sent == before


# T22, T23: killed, and gone on with


@pytest.mark.parametrize("rounds", [6, pytest.param(100, marks=pytest.mark.slow)])
def test_killed_at_random_bytes_it_goes_on_where_it_was(
    hub: FakeHub, tmp_path: Path, weights: bytes, rounds: int
) -> None:
    draw = random.Random(11)
    kills = 0
    for round in range(rounds):
        cache = tmp_path / str(round)
        hub.sent = 0
        while (left := draw.randrange(0, SIZE // 3)) is not None:
            status = in_child(lambda left=left, cache=cache: (kill_after(left), fetch(hub, cache)))  # type: ignore[misc]
            names = CacheFolder(cache).model(NAME).snapshots()
            if os.WIFSIGNALED(status):
                kills += 1
                assert not any((folder / "model.safetensors").exists() for folder in names)
            else:
                assert status == 0
                break
        assert is_right(fetch(hub, cache), weights)
        assert not [name for name in blobs(cache) if "." in name]
    assert kills >= 2 * rounds


def test_killed_at_each_call_of_the_system_it_goes_on(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    for nth in range(1, 500):
        cache = tmp_path / str(nth)

        def work(nth: int = nth, cache: Path = cache) -> None:
            fail_at(nth, lambda: os.kill(os.getpid(), signal.SIGKILL))
            fetch(hub, cache)

        status = in_child(work)
        assert is_right(fetch(hub, cache), weights)
        assert not [name for name in blobs(cache) if "." in name]
        if status == 0:
            break
    assert 15 < nth < 499


def test_what_came_is_not_fetched_twice(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    for left in (1, STRETCH - 1, STRETCH, 3 * STRETCH + 77):
        cache = tmp_path / str(left)
        hub.fault = on("store", lambda exchange, left=left: exchange.send(most=left))  # type: ignore[misc]
        assert os.WIFSIGNALED(in_child(lambda left=left, cache=cache: (kill_after(left), fetch(hub, cache))))  # type: ignore[misc]
        hub.fault, hub.sent = None, 0
        assert is_right(fetch(hub, cache), weights)
        assert hub.sent <= SIZE - left + PIECE + 100


def test_orphans_that_nobody_goes_on_with_are_swept(hub: FakeHub, tmp_path: Path) -> None:
    place = CacheFolder(tmp_path).model(NAME)
    place.blobs.mkdir(parents=True)
    gone = HubFile("gone", 5, "1" * 64)
    assert os.WIFSIGNALED(
        in_child(lambda: (Part.take(place.blobs, gone).append(b"abc"), os.kill(os.getpid(), signal.SIGKILL)))
    )
    [left] = place.blobs.glob("*.part")
    left.with_suffix(".journal").write_text("0 0\n")
    (place.blobs / left.name.replace("1" * 64, "3" * 64)).with_suffix(".journal").touch()  # its part was taken over
    mine = Part.take(place.blobs, HubFile("mine", 5, "2" * 64))  # a living process's, this one's
    assert [name[:1] for name in blobs(tmp_path) if name.endswith(".part")] == ["1", "2"]
    fetch(hub, tmp_path)
    assert [name[:1] for name in blobs(tmp_path) if "." in name] == ["2"]
    mine.drop()


def test_after_a_loss_of_power_only_the_journal_is_believed(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    place = CacheFolder(tmp_path).model(NAME)
    place.blobs.mkdir(parents=True)
    file = HubFile("model.safetensors", SIZE, etag_of("model.safetensors", weights))
    earlier = owner.Owner(owner._machine(), "0" * 8, 17, 17)
    path = place.blobs / f"{file.etag}.{earlier}.part"
    path.write_bytes(weights[:STRETCH] + bytes(1000))  # a file's end that never reached the disk is zeros
    part = Part(file, path, STRETCH)
    part._note(0, zlib.crc32(weights[:STRETCH]))
    part._close()
    assert is_right(fetch(hub, tmp_path), weights)
    assert hub.sent <= SIZE - STRETCH + 100


# T24: what is wrong is fetched again alone


def flip(offset: int) -> Fault:
    def fault(exchange: Exchange) -> bool:
        begin, end = exchange.range or (0, len(exchange.content))
        if not begin <= offset < end:
            return False
        wrong = bytearray(exchange.content)
        wrong[offset] ^= 4
        return exchange.send(bytes(wrong))

    return on("store", fault)


def test_a_bit_that_flips_on_the_way_costs_a_stretch(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    hub.fault = times(1, flip(77))
    assert is_right(fetch(hub, tmp_path), weights)
    assert hub.sent <= SIZE + STRETCH + 100
    # Which stretch is wrong nobody can know: in the last one it costs the whole once more, and no more.
    hub.fault, hub.sent = times(1, flip(SIZE - 1)), 0
    assert is_right(fetch(hub, tmp_path / "other"), weights)
    assert hub.sent <= 2 * SIZE + 100


def test_what_the_disk_lost_costs_a_stretch(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    assert os.WIFSIGNALED(in_child(lambda: (kill_after(4 * STRETCH + 5), fetch(hub, tmp_path))))
    etag = etag_of("model.safetensors", weights)
    [left] = CacheFolder(tmp_path).model(NAME).blobs.glob(f"{etag}.*.part")
    content = bytearray(left.read_bytes())
    content[2 * STRETCH + 9] ^= 1
    left.write_bytes(content)
    hub.sent = 0
    assert is_right(fetch(hub, tmp_path), weights)
    assert hub.sent <= SIZE - 4 * STRETCH + STRETCH + PIECE


def test_two_bad_tries_end_with_both_hashes(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    hub.fault = flip(77)
    wrong = bytearray(weights)
    wrong[77] ^= 4
    with pytest.raises(CheckpointError) as refused:
        fetch(hub, tmp_path)
    assert hashlib.sha256(wrong).hexdigest() in str(refused.value)
    assert hashlib.sha256(weights).hexdigest() in str(refused.value)
    assert hub.sent <= 2 * SIZE + 200
    assert not [name for name in blobs(tmp_path) if name.startswith(hashlib.sha256(weights).hexdigest())]
    hub.fault = None
    assert is_right(fetch(hub, tmp_path), weights)


def test_small_files_have_hashes_too(hub: FakeHub, tmp_path: Path) -> None:
    def other(exchange: Exchange) -> bool:
        return exchange.name == "config.json" and exchange.answer(200, b"[]")

    hub.fault = on("file", other)
    with pytest.raises(
        CheckpointError, match=rf"config.json of {NAME} came twice .*{git_hash(b'[]')}.*{git_hash(b'{}')}"
    ):
        fetch(hub, tmp_path)


# T27: the disk is full


def test_a_disk_that_is_full_at_any_write(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for nth in range(1, 500):
        cache = tmp_path / str(nth)

        def work(nth: int = nth, cache: Path = cache) -> None:
            fail_at(nth, full, ("fsync", "symlink", "mkdir"))
            try:
                fetch(hub, cache)
            except CheckpointError as refused:
                sentence = str(refused)
                os._exit(
                    3 if "could not be stored: No space left on device" in sentence and "GB are free" in sentence else 4
                )

        status = os.waitstatus_to_exitcode(in_child(work))
        assert status in (0, 3)
        assert is_right(fetch(hub, cache), weights)  # there is room again
        assert not [name for name in blobs(cache) if "." in name]
        if status == 0 and nth > 30:
            break
    assert 30 < nth < 499


def test_a_full_disk_leaves_the_old_version_as_it_was(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    old = pull(NAME, cache=tmp_path, endpoint=hub.url, progress=False)
    fresh = {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": weights[::-1]}
    hub.repositories[NAME].commit(fresh)

    def work() -> None:
        whole, left = os.pwrite, [10]

        def write(handle: int, data: Any, offset: int) -> int:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, "full")
            return whole(handle, data, offset)

        os.pwrite = write  # type: ignore[assignment]
        pull(NAME, cache=tmp_path, endpoint=hub.url, progress=False)

    assert os.waitstatus_to_exitcode(in_child(work)) == 7
    with pytest.warns(RevisionWarning, match="has changed on the hub since it was downloaded"):
        assert resolve(NAME, cache=tmp_path, endpoint=hub.url, progress=False) == old
    assert is_right(old, weights)
    hub.sent = 0
    assert is_right(pull(NAME, cache=tmp_path, endpoint=hub.url, progress=False), weights[::-1])
    assert hub.sent <= SIZE - 5 * PIECE + 100


# T28: several at once, and locks that lie


@pytest.mark.parametrize("locks", ["work", "lie", "are absent"])
def test_four_processes_at_once(hub: FakeHub, tmp_path: Path, weights: bytes, locks: str, monkeypatch: Any) -> None:
    def lock(handle: int, what: int) -> None:
        if locks == "are absent":
            raise OSError(errno.ENOLCK, "no locks")

    if locks != "work":
        monkeypatch.setattr(turn.fcntl, "flock", lock)
    gate = tmp_path / "go"

    def work() -> None:
        while not gate.exists():
            pass
        if not is_right(fetch(hub, tmp_path / "cache"), weights):
            os._exit(9)

    children = [child(work) for _ in range(4)]
    gate.touch()
    assert [os.waitpid(each, 0)[1] for each in children] == [0, 0, 0, 0]
    assert not [name for name in blobs(tmp_path / "cache") if "." in name]
    assert hub.sent <= (1 if locks == "work" else 4) * (SIZE + 100)


def test_one_waits_for_whom_it_sees_at_work(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    place = CacheFolder(tmp_path).model(NAME)
    place.blobs.mkdir(parents=True)
    file = HubFile("model.safetensors", SIZE, etag_of("model.safetensors", weights))
    other = Part.take(place.blobs, file, STRETCH)
    notes: list[str] = []
    reached, repository = described(hub)

    def finished(seconds: float) -> None:
        for begin in range(other.position, SIZE, PIECE):
            piece = weights[begin : begin + PIECE]
            while piece:
                other.append(piece[: other.room()])
                piece = weights[other.position : begin + PIECE]
        other.finish(place.blob(file))

    pull = Pull(reached.transport(), repository, place, lambda done, total, note: notes.append(note), pause=finished)
    assert is_right(pull.fetch(repository.files), weights)
    assert f"waiting for process {os.getpid()}, which downloads the same file" in notes
    assert "model.safetensors" not in hub.served


def test_two_that_take_over_the_same_part_do_not_share_it(tmp_path: Path) -> None:
    file = HubFile("a", 100, "a" * 64)
    left = Part.take(tmp_path, file)
    left.append(b"12345")
    left.leave()
    first, second = Part.take(tmp_path, file), Part.take(tmp_path, file)
    assert (first.position, second.position) == (5, 0)
    first.drop()
    second.drop()
    assert list(tmp_path.iterdir()) == []


def test_a_process_on_another_machine_lives_as_long_as_its_file_grows(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.touch()
    foreign = owner.Owner("0" * 8, "1" * 8, 5, 5)
    assert foreign.lives(file) and owner.this_process(3).lives(file) and not owner.no_process().lives(file)
    before = file.stat().st_mtime - owner.FOREIGN_SECONDS - 1
    os.utime(file, (before, before))
    assert not foreign.lives(file) and owner.this_process(3).lives(file)
    assert owner.Owner.read(str(foreign)) == foreign and owner.Owner.read("5-5") is None


def test_where_the_file_system_knows_no_links(hub: FakeHub, tmp_path: Path, weights: bytes, monkeypatch: Any) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "symlink", refuse)
    monkeypatch.setattr("causerie.hub.cache_folder._SMALL", 100)
    folder = fetch(hub, tmp_path)
    assert is_right(folder, weights) and not (folder / "model.safetensors").is_symlink()
    hub.sent = 0
    assert fetch(hub, tmp_path) == folder and hub.sent == 0


def test_the_stretches_of_a_part(tmp_path: Path) -> None:
    assert part_module.STRETCH == 64 * 2**20
    part = Part(HubFile("a", 10, "a" * 64), tmp_path / "a.part", 4)
    assert [part.bounds(each) for each in part.stretches] == [(0, 4), (4, 8), (8, 10)]
    part.drop()


def test_a_model_cache_is_named_as_other_programs_name_it(tmp_path: Path) -> None:
    (tmp_path / "models--a--b--c").mkdir()
    assert [each.name for each in CacheFolder(tmp_path).models()] == ["a/b--c"]
    assert ModelCache(tmp_path, "a/b").folder.name == "models--a--b"


def test_an_interrupt_ends_it_at_once_and_what_came_is_kept(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    reached, over = threading.Event(), threading.Event()

    def still(exchange: Exchange) -> bool:
        exchange.send(most=2 * STRETCH)
        exchange.handler.wfile.flush()
        reached.set()
        return over.wait(60)

    hub.fault = on("store", still)

    def work() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            fetch(hub, tmp_path)
            os._exit(9)
        os._exit(5)

    process = child(work)
    reached.wait(30)
    os.kill(process, signal.SIGINT)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 5 and not over.is_set()
    over.set()
    hub.fault = None
    assert is_right(fetch(hub, tmp_path), weights)
    [_, after] = [headers.get("range", "") for kind, _, headers in hub.requests if kind == "store"]
    assert after.startswith("bytes=")
