"""Which model of the Hugging Face hub a name of Ollama's library means. A table; knows no network."""

from __future__ import annotations

_SIZED = {  # name: the hub's pattern, and the sizes there are, the one of the bare name first
    "codellama": ("codellama/CodeLlama-{}-Instruct-hf", ("7b", "13b", "34b", "70b")),
    "gemma2": ("google/gemma-2-{}-it", ("9b", "2b", "27b")),
    "gemma3": ("google/gemma-3-{}-it", ("4b", "270m", "1b", "12b", "27b")),
    "gpt-oss": ("openai/gpt-oss-{}", ("20b", "120b")),
    "llama2": ("meta-llama/Llama-2-{}-chat-hf", ("7b", "13b", "70b")),
    "llama3": ("meta-llama/Meta-Llama-3-{}-Instruct", ("8B", "70B")),
    "llama3.1": ("meta-llama/Llama-3.1-{}-Instruct", ("8B", "70B", "405B")),
    "llama3.2": ("meta-llama/Llama-3.2-{}-Instruct", ("3B", "1B")),
    "llama3.3": ("meta-llama/Llama-3.3-{}-Instruct", ("70B",)),
    "mistral": ("mistralai/Mistral-{}-Instruct-v0.3", ("7B",)),
    "mistral-nemo": ("mistralai/Mistral-Nemo-Instruct-2407", ("12b",)),
    "mixtral": ("mistralai/Mixtral-{}-Instruct-v0.1", ("8x7B", "8x22B")),
    "phi3": ("microsoft/Phi-3-mini-4k-instruct", ("3.8b",)),
    "phi4": ("microsoft/phi-4", ("14b",)),
    "qwen2": ("Qwen/Qwen2-{}-Instruct", ("7B", "0.5B", "1.5B", "72B")),
    "qwen2.5": ("Qwen/Qwen2.5-{}-Instruct", ("7B", "0.5B", "1.5B", "3B", "14B", "32B", "72B")),
    "qwen2.5-coder": ("Qwen/Qwen2.5-Coder-{}-Instruct", ("7B", "0.5B", "1.5B", "3B", "14B", "32B")),
    "qwen3": ("Qwen/Qwen3-{}", ("8B", "0.6B", "1.7B", "4B", "14B", "32B", "30B-A3B", "235B-A22B")),
    "qwq": ("Qwen/QwQ-{}", ("32B",)),
    "smollm": ("HuggingFaceTB/SmolLM-{}-Instruct", ("1.7B", "135M", "360M")),
    "smollm2": ("HuggingFaceTB/SmolLM2-{}-Instruct", ("1.7B", "135M", "360M")),
    "tinyllama": ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", ("1.1b",)),
}
_OTHERS = {
    "deepseek-r1": "deepseek-ai/DeepSeek-R1-0528-Qwen3-8B",
    "deepseek-r1:1.5b": "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
    "deepseek-r1:7b": "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B",
    "deepseek-r1:14b": "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B",
    "deepseek-r1:32b": "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B",
    "deepseek-r1:70b": "deepseek-ai/DeepSeek-R1-Distill-Llama-70B",
}


def hub_id(name: str) -> str | None:
    """The hub's id of the model that `name` or `name:tag` is in Ollama's library; None where this table has none. Of a
    tag the size counts (`qwen2.5:0.5b-instruct-q4_K_M`); `latest` and no tag are the size that Ollama takes."""
    model, _, tag = name.casefold().removeprefix("library/").partition(":")
    whole = model if tag in ("", "latest") else f"{model}:{tag}"
    if whole in _OTHERS:
        return _OTHERS[whole]
    pattern, sizes = _SIZED.get(model, ("", ()))
    if tag in ("", "latest"):
        return pattern.format(sizes[0]) if sizes else None
    fitting = [size for size in sizes if tag == size.casefold() or tag.startswith(f"{size.casefold()}-")]
    return pattern.format(max(fitting, key=len)) if fitting else None
