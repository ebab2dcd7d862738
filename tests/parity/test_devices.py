"""A device is picked by name or by room, and refusals say why."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from causerie.backends.torch import devices, meter
from causerie.backends.torch.devices import Device, pick, require
from causerie.errors import BackendUnavailable, UnknownName, Unsupported

CPU = Device("cpu", True, "memory.", 64, 64)
SMALL = Device("cuda:0", True, "small.", 100, 100)
LARGE = Device("cuda:1", True, "large.", 1000, 1000)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "devices", lambda: [SMALL, LARGE, CPU])


def test_the_cpu_is_always_there() -> None:
    cpu = pick("cpu", 0)
    assert cpu.name == "cpu" and 0 < cpu.free_bytes <= cpu.total_bytes
    assert devices.free_bytes("cpu") > 0


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("device_map", "needed", "name"),
    [
        ("auto", 50, "cuda:0"),
        ("auto", 500, "cuda:1"),
        (None, 950, "cpu"),  # it would fit without room for anything else
        ("cuda", 5000, "cuda:1"),
        ("cuda:0", 0, "cuda:0"),
        ("cpu", 0, "cpu"),
    ],
)
def test_picking(device_map: str | None, needed: int, name: str) -> None:
    assert pick(device_map, needed).name == name


def test_full_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "devices", lambda: [SMALL, LARGE, replace(SMALL, name="mps"), CPU])
    names = {"cuda": "cuda:0", "cuda:1": "cuda:1", "mps": "mps", "mps:0": "mps", "cpu": "cpu"}
    assert {name: require(name) for name in names} == names


@pytest.mark.usefixtures("two_gpus")
def test_names_nobody_knows() -> None:
    for name in ("cuda:7", "gpu", "cuda:x", ""):
        with pytest.raises(UnknownName, match="cuda:1"):
            pick(name, 0)
    with pytest.raises(Unsupported, match="balanced"):
        pick("balanced", 0)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_why_there_is_no_gpu(name: str) -> None:
    for asked in (lambda: pick(name, 0), lambda: require(name)):
        with pytest.raises(BackendUnavailable, match=r"cannot be used: .*CUDA.* device_map='cpu'"):
            asked()


def test_a_device_is_measured() -> None:
    # Between a very slow board and more than any card has.
    assert 1e8 < meter.bandwidth("cpu") < 1e13
    assert 1e8 < meter.operations("cpu") < 1e16
