"""AutoConfig, AutoTokenizer, AutoModelForCausalLM: options, where a model goes, and every refusal. The reading of files
themselves is tested beside it, in tests/checkpoint and tests/parity."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from causerie import AutoConfig, AutoModelForCausalLM, AutoTokenizer, CausalLM
from causerie.api.fit.precisions import MatrixHolding, needed_bytes, precisions
from causerie.api.fit.surveyed_checkpoint import surveyed
from causerie.api.loading import placement, progress_line
from causerie.api.options.load_options import LoadOptions
from causerie.api.options.torch_names import DeviceName, DType, device_name, dtype_name
from causerie.errors import (
    BackendUnavailable,
    CheckpointError,
    ConfigError,
    ConfigWarning,
    MissingFile,
    ModelNotFound,
    OutOfMemory,
    PlacementNotice,
    UnknownName,
    Unsupported,
    UsageError,
)
from causerie.plan.footprint import least_tokens
from causerie.settings import Settings
from causerie.spec.decoder import Decoder


def test_config(folder: Path) -> None:
    config = AutoConfig.from_pretrained(folder)
    assert config.model_type == "llama" and config["hidden_size"] == 64 and config.get("nothing") is None
    assert config.to_dict() == json.loads((folder / "config.json").read_text()) == dict(config)
    with pytest.raises(AttributeError, match="hidden_size"):
        config.hiden_size  # noqa: B018 - the reading is the test
    assert AutoModelForCausalLM.from_pretrained(folder, config=config, device_map="cpu").context == 256


def test_tokenizer(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left", pad_token="<|im_end|>", use_fast=True)
    assert tokenizer.padding_side == "left" and tokenizer.pad_token_id == 2 and tokenizer.name_or_path == str(folder)
    with pytest.raises(UnknownName, match="left"):
        AutoTokenizer.from_pretrained(folder, padding_side="middle")
    with pytest.raises(UnknownName, match="padding_side"):
        AutoTokenizer.from_pretrained(folder, pading_side="left")
    with pytest.raises(Unsupported, match="fast"):
        AutoTokenizer.from_pretrained(folder, use_fast=False)


@pytest.mark.parametrize(
    ("options", "dtype"),
    [
        ({}, "float32"),
        ({"dtype": "auto"}, "float32"),
        ({"dtype": torch.bfloat16}, "bfloat16"),
        ({"torch_dtype": torch.bfloat16}, "bfloat16"),
        ({"torch_dtype": "float16"}, "float16"),
        ({"dtype": "float32", "torch_dtype": torch.float32}, "float32"),
    ],
)
def test_dtypes(folder: Path, options: dict[str, Any], dtype: str) -> None:
    with AutoModelForCausalLM.from_pretrained(folder, device_map="cpu", **options) as loaded:
        assert loaded.dtype is getattr(torch, dtype) and loaded.format == dtype
        assert len(loaded.generate([[5, 6]], max_new_tokens=3)[0]) == 5


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"dtyp": "auto"}, UnknownName, "dtype"),
        ({"dtype": "float64"}, UnknownName, "float32"),
        ({"dtype": "float16", "torch_dtype": "float32"}, UsageError, "two names of one option"),
        ({"device_map": {"": "cpu", "lm_head": "cuda"}}, UsageError, "several places"),
        ({"device_map": "gpu"}, UnknownName, "cuda"),
        ({"load_in_8bit": True}, Unsupported, "BitsAndBytesConfig"),
        ({"attn_implementation": "flash_attention_2"}, Unsupported, "one attention"),
        ({"backend": "onnx"}, UnknownName, "native"),
        ({"backend": "native", "device_map": "cuda"}, UsageError, "runs on the CPU"),
        ({"backend": "torch", "device_map": "cpu", "threads": 2}, UsageError, "set_num_threads"),
        ({"threads": 0}, UsageError, "threads is 0"),
        ({"max_cache_tokens": 10**12}, OutOfMemory, "tokens of cache"),
        ({"revision": "main"}, UsageError, "no meaning for the local folder"),
        ({"token": False}, UsageError, "log out"),
    ],
)
def test_refused(folder: Path, options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        AutoModelForCausalLM.from_pretrained(folder, **options)


def test_neutral_options_pass(folder: Path) -> None:
    neutral = {
        "attn_implementation": "sdpa",
        "low_cpu_mem_usage": True,
        "trust_remote_code": True,
        "quantization_config": None,
        "use_safetensors": True,
        "device_map": {"": torch.device("cpu")},
        "backend": "torch",
        "max_cache_tokens": 512,
    }
    with AutoModelForCausalLM.from_pretrained(folder, **neutral) as loaded:
        assert loaded.backend == "torch" and loaded.device == torch.device("cpu")


def test_backends_agree(folder: Path, model: CausalLM) -> None:
    with AutoModelForCausalLM.from_pretrained(folder, dtype="float32", backend="torch", device_map="cpu") as other:
        assert other.generate([[5, 6, 7]], max_new_tokens=30) == model.generate([[5, 6, 7]], max_new_tokens=30)


def test_folders_that_cannot_be_loaded(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="There is no folder"):
        AutoModelForCausalLM.from_pretrained(tmp_path / "none")
    for missing, words in (("config.json", "config.json"), ("model.safetensors", "weights|safetensors")):
        broken = tmp_path / missing
        shutil.copytree(folder, broken)
        (broken / missing).unlink()
        with pytest.raises(CheckpointError, match=words):
            AutoModelForCausalLM.from_pretrained(broken)
    (broken / "config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"config\.json"):
        AutoConfig.from_pretrained(broken)
    (broken / "tokenizer.json").unlink()
    with pytest.raises(MissingFile, match="tokenizer"):
        AutoTokenizer.from_pretrained(broken)


@pytest.mark.parametrize("name", [None, 3, b"builtin"])
def test_what_is_no_name(name: Any) -> None:
    for kind in (AutoConfig, AutoTokenizer, AutoModelForCausalLM):
        with pytest.raises(UsageError, match="expected a folder, a hub id"):
            kind.from_pretrained(name)


def changed(folder: Path, target: Path, **keys: Any) -> Path:
    """A copy of a model whose config.json has more keys."""
    shutil.copytree(folder, target)
    config = json.loads((target / "config.json").read_text())
    (target / "config.json").write_text(json.dumps(config | keys))
    return target


def test_strict_refuses_what_is_else_told(folder: Path, tmp_path: Path) -> None:
    strange = changed(folder, tmp_path / "strange", mergekit={"merge_method": "slerp"})
    with pytest.raises(ConfigError, match="mergekit"):
        AutoModelForCausalLM.from_pretrained(strange, strict=True)
    with pytest.warns(ConfigWarning, match="mergekit"):
        AutoModelForCausalLM.from_pretrained(strange, device_map="cpu").close()
    for strict in (False, True):
        with pytest.raises(ConfigError, match="clip_qkv"):
            AutoModelForCausalLM.from_pretrained(
                changed(folder, tmp_path / f"clipped {strict}", clip_qkv=8.0), strict=strict
            )


@pytest.mark.parametrize("trust", [True, False])
def test_code_that_comes_with_a_checkpoint_of_a_built_in_family_is_never_run(
    folder: Path, tmp_path: Path, trust: bool
) -> None:
    canary = tmp_path / "canary"
    mapped = {name: f"modeling_evil.{name}" for name in ("AutoConfig", "AutoModelForCausalLM", "AutoTokenizer")}
    evil = changed(folder, tmp_path / "evil", auto_map=mapped)
    (evil / "modeling_evil.py").write_text(f"open({str(canary)!r}, 'w').close()")
    assert AutoConfig.from_pretrained(evil, trust_remote_code=trust).auto_map == mapped
    AutoTokenizer.from_pretrained(evil, trust_remote_code=trust)
    with AutoModelForCausalLM.from_pretrained(evil, device_map="cpu", trust_remote_code=trust) as loaded:
        assert len(loaded.generate([[5, 6]], max_new_tokens=3)[0]) == 5
    assert not canary.exists()
    missing = changed(folder, tmp_path / "missing", model_type="qwen9", auto_map=mapped)
    with pytest.raises(UnknownName, match=r"'qwen9'.*not built in yet"):
        AutoModelForCausalLM.from_pretrained(missing, trust_remote_code=trust)


@pytest.mark.parametrize(
    ("device", "name"),
    [
        (None, "auto"),
        ("cuda:1", "cuda:1"),
        (0, "cuda:0"),
        (-1, "cpu"),
        ({"": 0}, "cuda:0"),
        (torch.device("cuda", 2), "cuda:2"),
        (DeviceName("cpu"), "cpu"),
    ],
)
def test_device_names(device: Any, name: str) -> None:
    assert device_name(device) == name


def test_names_equal_torchs() -> None:
    assert DeviceName("cuda:1") == torch.device("cuda", 1) and torch.device("cuda", 1) == DeviceName("cuda:1")
    assert (
        DeviceName("cuda:1").index == 1
        and DeviceName("cpu").index is None
        and DeviceName("cpu") != torch.device("cuda")
    )
    assert DType("bfloat16") != torch.float16 and {DType("float16"): 1}["float16"] == 1
    assert dtype_name(torch.half) == "float16" and dtype_name(None) == "auto"


class ScriptedBackend:
    """Stands for a backend that was made with these arguments."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments


def test_auto_takes_a_gpu_with_room(monkeypatch: pytest.MonkeyPatch) -> None:
    from causerie.backends.torch import backend, devices

    machine = [devices.Device("cuda:0", True, "", 10**9, 10**9), devices.Device("cpu", True, "", 10**10, 10**10)]
    monkeypatch.setattr(devices, "devices", lambda: machine)
    monkeypatch.setattr(backend, "TorchBackend", ScriptedBackend)
    monkeypatch.setattr(placement, "gpu_seems_there", lambda: True)
    auto = LoadOptions(device="auto")
    taken = placement.choose(auto, 10**8, Settings())
    assert isinstance(taken, ScriptedBackend) and taken.arguments == ("cuda:0",)
    assert placement.choose(auto, 10**9, Settings()).device == "cpu"  # no room
    monkeypatch.setattr(placement, "gpu_seems_there", lambda: False)
    assert placement.choose(auto, 10**8, Settings()).name == "native"
    assert isinstance(placement.choose(auto, 10**8, Settings(backend="torch")), ScriptedBackend)
    with pytest.raises(UnknownName, match="native"):
        placement.choose(auto, 1, Settings(backend="nativ"))


def test_fewer_bits_on_a_gpu_go_before_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that has room for the built-in model in fewer bits, and not as it is stored. It computes on the CPU."""
    from causerie.backends.torch import backend, devices

    free, here, places = [0], devices.devices()[-1], []

    class PaperGpu(backend.TorchBackend):
        def __init__(self, device: str) -> None:
            places.append(device)
            self.device = device

        def builder(self, spec: Decoder, formats: Mapping[str, str], *, briefly: bool = False) -> backend.TorchBuilder:
            return backend.TorchBuilder("cpu", spec, formats)

    monkeypatch.setattr(
        devices, "devices", lambda: [devices.Device("cuda:0", True, "", free[0], free[0]), replace(here, name="cpu")]
    )
    monkeypatch.setattr(backend, "TorchBackend", PaperGpu)
    monkeypatch.setattr(placement, "gpu_seems_there", lambda: True)
    sizes = {
        name: needed_bytes(way, MatrixHolding(False, False), tokens=least_tokens(way.spec))
        for name, way in precisions(surveyed("builtin", LoadOptions()).weights)
    }

    def place(memory: float, **options: Any) -> tuple[list[str], str | None]:
        free[0] = round(memory)
        places.clear()
        with AutoModelForCausalLM.from_pretrained("builtin", **options) as model:
            return list(places), model.quantization

    small = 1.12 * sizes["int4"]
    assert sizes["int4"] < small < sizes["int8"] < sizes["bfloat16"]
    assert place(1.2 * sizes["bfloat16"], quantization="auto") == (["cuda:0"], None)
    assert place(small, quantization="auto") == (["cuda:0"], "int4")
    assert place(1.02 * sizes["int8"], quantization="auto") == (["cuda:0"], "int8")
    assert place(sizes["int4"], quantization="auto") == ([], None)  # there is room for nothing else
    with pytest.warns(PlacementNotice, match=r"so the CPU computes. In int4 it fits there.*quantization='auto'"):
        assert place(small) == ([], None)


def test_torch_stands_in_for_the_native_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    from causerie.backends.native import backend

    def refuse(*arguments: Any) -> None:
        raise BackendUnavailable("The kernels were not built.")

    monkeypatch.setattr(backend, "NativeBackend", refuse)
    with pytest.warns(UserWarning, match=r"torch computes, more slowly: The kernels were not built\."):
        assert placement.choose(LoadOptions(device="cpu"), 1, Settings()).name == "torch"
    with pytest.warns(UserWarning, match="The kernels were not built"):  # threads were meant for the native backend
        assert placement.choose(LoadOptions(device="cpu", threads=2), 1, Settings()).name == "torch"
    with pytest.raises(BackendUnavailable, match="native backend cannot run here"):
        placement.choose(LoadOptions(device="cpu", backend="native"), 1, Settings())
    monkeypatch.setattr(placement, "find_spec", lambda name: None)
    with pytest.raises(BackendUnavailable, match=r"pip install 'causerie\[torch\]'"):
        placement.choose(LoadOptions(device="cpu"), 1, Settings())
    with pytest.raises(BackendUnavailable, match="'cuda' needs torch"):
        placement.choose(LoadOptions(device="cuda"), 1, Settings())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_loading_line(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress_line.time, "monotonic", lambda: now[0])
    terminal = Terminal()
    line = progress_line.LoadingLine(terminal, "Loading")
    line(10**9, 2 * 10**9, "a")
    assert terminal.getvalue() == ""  # soon over
    now[0] = 1.5
    line(1_500_000_000, 2 * 10**9, "b")
    line(1_500_000_001, 2 * 10**9, "c")
    line.clear()
    assert terminal.getvalue() == "\r\x1b[KLoading 1.5 of 2.0 GB\r\x1b[K"
    quiet = progress_line.LoadingLine(io.StringIO(), "Loading")
    quiet(1, 2, "a")
    quiet.clear()


def test_progress_can_be_watched(folder: Path) -> None:
    steps: list[tuple[int, int, str]] = []
    with AutoModelForCausalLM.from_pretrained(
        folder, device_map="cpu", progress=lambda done, total, name: steps.append((done, total, name))
    ):
        pass
    assert steps[-1][0] == steps[-1][1] and [done for done, _, _ in steps] == sorted(done for done, _, _ in steps)
