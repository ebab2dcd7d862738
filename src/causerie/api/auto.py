"""`AutoConfig`, `AutoTokenizer`, `AutoModelForCausalLM`: from a name to a thing of the field's interface.

Resolves the name, chooses backend and device, loads, and joins model and engine. Knows no tensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from causerie.api.generation.config import GenerationConfig
from causerie.api.generation.foreign_flags import ForeignFlag, refuse_flags
from causerie.api.model_files.model_config import ModelConfig
from causerie.api.options.load_options import LoadOptions
from causerie.api.options.torch_names import dtype_name
from causerie.checkpoint.folder import Need
from causerie.checkpoint.gguf.choice import is_gguf
from causerie.checkpoint.hub import resolve
from causerie.errors import UsageError, unknown

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM
    from causerie.api.options.quantization import BitsAndBytesConfig
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer
    from causerie.loading.sources import Progress
    from causerie.quant.config import QuantConfig

_REMOTE = ForeignFlag((True, False), "Nothing that comes with a checkpoint is ever run; families are built in.")
_ALWAYS = "It is how loading works here; leave it out."
_ATTENTION = ForeignFlag(("eager", "sdpa", "auto"), "There is one attention here, exact and paged; leave it out.")
_COMMON_FOREIGN: dict[str, ForeignFlag] = {
    "trust_remote_code": _REMOTE,
    "code_revision": ForeignFlag((), "No code of a checkpoint is run, of no revision; leave it out."),
    "force_download": ForeignFlag((False,), "Delete the model from the hub's cache to download it again."),
    "proxies": ForeignFlag((), "Set HTTPS_PROXY, which the download reads."),
    "subfolder": ForeignFlag(("",), "Pass the folder itself."),
    "use_auth_token": ForeignFlag((), "It is called token now."),
    "resume_download": ForeignFlag((True, False), _ALWAYS),
}
_MODEL_FOREIGN: dict[str, ForeignFlag] = {
    **_COMMON_FOREIGN,
    "load_in_8bit": ForeignFlag((False,), "Pass quantization_config=BitsAndBytesConfig(load_in_8bit=True)."),
    "load_in_4bit": ForeignFlag((False,), "Pass quantization_config=BitsAndBytesConfig(load_in_4bit=True)."),
    "attn_implementation": _ATTENTION,
    "experts_implementation": _ATTENTION,
    "low_cpu_mem_usage": ForeignFlag((True, False), _ALWAYS),  # as the field, which only does it one way
    "use_safetensors": ForeignFlag((True,), "Only safetensors are read: other weights can run code when opened."),
    "device_mesh": ForeignFlag((), "One device holds a model."),
    "tp_plan": ForeignFlag((), "One device holds a model."),
    "max_memory": ForeignFlag((), "One device holds a model; max_cache_tokens bounds the cache."),
    "offload_folder": ForeignFlag((), "Weights stay in memory; take a smaller model."),
    "offload_state_dict": ForeignFlag((False,), "Weights stay in memory; take a smaller model."),
    "offload_buffers": ForeignFlag((False,), "Weights stay in memory; take a smaller model."),
    "state_dict": ForeignFlag((), "Weights come from safetensors files."),
    "variant": ForeignFlag((), "Take the repository's plain safetensors files."),
    "ignore_mismatched_sizes": ForeignFlag((False,), "Weights of another shape are another model's."),
    "output_loading_info": ForeignFlag((False,), "Missing or unexpected weights are errors, which name them."),
}
_TOKENIZER_FOREIGN: dict[str, ForeignFlag] = {
    **_COMMON_FOREIGN,
    "use_fast": ForeignFlag((True,), "Every tokenizer here is a fast one."),
    "legacy": ForeignFlag((True, False), "Tokens are as tokenizer.json says."),  # it only steers slow tokenizers
    "tokenizer_type": ForeignFlag((), "Tokens are as tokenizer.json says."),
    "config": ForeignFlag((), "Tokens are as tokenizer.json says."),
}
_CONFIG: tuple[Need, ...] = ("config",)
_TOKENIZER: tuple[Need, ...] = ("tokenizer",)
_WHERE = ("revision", "cache_dir", "local_files_only", "token", "gguf_file")
_ALSO = ("torch_dtype", "device_map", "quantization_config", "config", "generation_config", "progress")


class AutoConfig:
    """Reads a model's config.json."""

    @staticmethod
    def from_pretrained(
        pretrained_model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        gguf_file: str | None = None,
        **others: Any,
    ) -> ModelConfig:
        """config.json of a folder, "builtin" or hub id, or what a GGUF file says in its place. Raises CheckpointError's
        kinds, ConfigError, UnknownName."""
        _refuse_options(others, _COMMON_FOREIGN, _WHERE)
        name = _name(pretrained_model_name_or_path, gguf_file)
        folder = resolve(
            name, revision, needs=_CONFIG, offline=local_files_only, token=_token(token), cache=_folder(cache_dir)
        )
        return ModelConfig.from_folder(folder, name)


class AutoTokenizer:
    """Loads a model's tokenizer and chat template."""

    @staticmethod
    def from_pretrained(
        pretrained_model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        gguf_file: str | None = None,
        padding_side: str | None = None,
        truncation_side: str | None = None,
        **others: Any,
    ) -> ChatTokenizer:
        """The tokenizer of a folder, GGUF file, "builtin" or hub id. Raises CheckpointError's kinds, UnknownName."""
        from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer

        special = {name: others.pop(name) for name in list(others) if name in _SPECIAL}
        _refuse_options(others, _TOKENIZER_FOREIGN, (*_WHERE, "padding_side", "truncation_side", *_SPECIAL))
        name = _name(pretrained_model_name_or_path, gguf_file)
        folder = resolve(
            name,
            revision,
            needs=_TOKENIZER,
            offline=local_files_only,
            token=_token(token),
            cache=_folder(cache_dir),
        )
        tokenizer = ChatTokenizer.from_folder(folder, name)
        for option, side in (("padding_side", padding_side), ("truncation_side", truncation_side)):
            if side is not None:
                if side not in ("left", "right"):
                    raise unknown(option, side, ("left", "right"))
                setattr(tokenizer, option, side)
        for option, value in special.items():
            setattr(tokenizer, option, value)
        return tokenizer


_SPECIAL = ("bos_token", "eos_token", "pad_token", "unk_token", "chat_template")


class AutoModelForCausalLM:
    """Loads a model, ready to talk."""

    @staticmethod
    def from_pretrained(
        pretrained_model_name_or_path: str | Path,
        *,
        dtype: Any = None,
        torch_dtype: Any = None,
        device_map: Any = None,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        gguf_file: str | None = None,
        config: Mapping[str, Any] | None = None,
        generation_config: GenerationConfig | None = None,
        strict: bool = False,
        backend: str | None = None,
        threads: int | None = None,
        packing: str | None = None,
        quantization: str | QuantConfig | None = None,
        quantization_config: BitsAndBytesConfig | Mapping[str, Any] | None = None,
        calibrate: str | PathLike[str] | None = None,
        cache_dtype: Any = None,
        max_cache_tokens: int | None = None,
        expert_memory: int | None = None,
        keep_cache: int | None = None,
        speculation: str | None = None,
        draft: str | None = None,
        progress: bool | Progress = True,
        **others: Any,
    ) -> CausalLM:
        """The model of a folder, GGUF file, "builtin" or hub id. `gguf_file` names a file of a folder with several.

        dtype: "auto" (the checkpoint's, also when None), "float32", "float16", "bfloat16" or a torch dtype;
        `torch_dtype` is its older name. device_map: "auto" (also when None) takes a GPU with room through torch, else
        the CPU; or "cpu", "cuda", "cuda:1", a torch.device, {"": any of these}. strict=True refuses config keys and
        tensors that no family computes by, which else get a warning. trust_remote_code changes nothing: no code of a
        checkpoint is ever run. backend: "native" (CPU) or "torch". threads: the native backend's. packing: how that
        holds bfloat16 matrices: "lossless" in 12 bits a weight, "none" in 16, "auto" (also when None) as is faster, to
        the same results. quantization: "int8", "int6", "int5" or "int4", our own formats, or "nf4", "fp4", "bnb_int8",
        bitsandbytes' (also as quantization_config=BitsAndBytesConfig(…)), or "auto": as is stored, or else the most
        exact that fits. calibrate: by what our formats choose: "random" tokens (also when None), a text file, "none".
        cache_dtype: how past keys and values are kept: "float32", "float16", "bfloat16" or "int8"; "auto" (also when
        None) as dtype has it. max_cache_tokens: positions to keep over all requests. expert_memory: bytes of memory for
        experts of a prepared model, of which the others stay in their file; by default all that fit. keep_cache: bytes
        on the disk for what was read of texts. speculation: whether tokens are guessed and checked several in a step,
        where that is faster: "lookup", "shadow", with the weights a second time in int4, "mtp", by a head that some
        checkpoints ship, "off", or "auto" (also when None): lookup and such a head on the native backend. draft: the
        folder or id of a smaller model, or of an EAGLE3 head, that guesses; "auto", one of the hub's cache; "none"
        (also when None). progress=False draws nothing; a callable gets (bytes done, of all, tensor).
        Raises CheckpointError's kinds, ConfigError, OutOfMemory, BackendUnavailable, Unsupported, UnknownName."""
        from causerie.api.loading.load import open_model

        _refuse_options(others, _MODEL_FOREIGN, (*_WHERE, *_ALSO, *_option_names()))
        options = LoadOptions.read(
            dtype=_one_dtype(dtype, torch_dtype),
            device=device_map,
            quantization=quantization,
            quantization_config=quantization_config,
            calibrate=calibrate,
            cache_dtype=cache_dtype,
            backend=backend,
            threads=threads,
            packing=packing,
            max_cache_tokens=max_cache_tokens,
            expert_memory=expert_memory,
            keep_cache=keep_cache,
            speculation=speculation,
            draft=draft,
            strict=strict,
        )
        return open_model(
            _name(pretrained_model_name_or_path, gguf_file),
            options,
            revision=revision,
            cache=_folder(cache_dir),
            offline=local_files_only,
            token=_token(token),
            config=config,
            generation_config=generation_config,
            progress=progress,
        )


def _option_names() -> list[str]:
    """As from_pretrained has them; `device` is its device_map."""
    return [option.name for option in fields(LoadOptions) if option.name != "device"]


def _one_dtype(dtype: Any, torch_dtype: Any) -> str:
    if dtype is not None and torch_dtype is not None and dtype_name(dtype) != dtype_name(torch_dtype):
        raise UsageError(f"dtype={dtype} and torch_dtype={torch_dtype} are two names of one option; pass one of them.")
    return dtype_name(torch_dtype if dtype is None else dtype)


def _refuse_options(options: Mapping[str, Any], foreign: Mapping[str, ForeignFlag], known: tuple[str, ...]) -> None:
    refuse_flags("option of from_pretrained()", options, foreign, known)


def _name(name: Any, gguf_file: str | None = None) -> str:
    """The model's name, with the file of several that is meant behind it."""
    if not isinstance(name, str | PathLike):
        raise UsageError(f"The model is {name!r}; expected a folder, a hub id (org/name), a GGUF file, or 'builtin'.")
    if gguf_file is None:
        return fspath(name)
    if not isinstance(gguf_file, str) or not is_gguf(gguf_file) or is_gguf(fspath(name)):
        raise UsageError(
            f"gguf_file={gguf_file!r} of {fspath(name)!r}; expected a .gguf file of a folder or of a hub id."
        )
    return f"{fspath(name)}:{gguf_file}"


def _token(token: str | bool | None) -> str | None:
    """True and None: whatever huggingface_hub is logged in with."""
    if token is False:
        raise UsageError("token=False asks not to log in; log out with `hf auth logout` instead, or leave it out.")
    return token if isinstance(token, str) else None


def _folder(folder: str | Path | None) -> Path | None:
    return None if folder is None else Path(folder)
