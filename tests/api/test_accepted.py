"""What scripts of the field pass and read, beside transformers on the same folder: nothing is refused without need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch.utils.data import Dataset
from transformers.pipelines.pt_utils import KeyDataset

from causerie import AutoConfig, AutoModelForCausalLM, CausalLM, GenerationConfig, pipeline
from causerie.api.pipeline.text_generation import TextGenerationPipeline
from causerie.errors import BackendUnavailable, MessageError, TemplateError, UnknownName, Unsupported, UsageError

IDS = torch.tensor([[5, 6, 7]])
GREEDY = {"do_sample": False, "max_new_tokens": 8}
USER = {"role": "user", "content": "Hello"}


@pytest.fixture(scope="module")
def pipe(model: CausalLM) -> TextGenerationPipeline:
    return pipeline("text-generation", model)


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    return transformers.pipeline("text-generation", str(folder), dtype=torch.float32, device="cpu")


def test_dtype_is_torchs_where_torch_is_imported(model: CausalLM, pipe: TextGenerationPipeline, folder: Path) -> None:
    assert isinstance(model.dtype, torch.dtype) and pipe.dtype is model.dtype is torch.float32
    assert torch.zeros(2, dtype=model.dtype).dtype is torch.float32
    program = (
        "import sys; from causerie import AutoModelForCausalLM as M\n"
        "model = M.from_pretrained(sys.argv[1], backend='native')\n"
        "assert model.dtype == 'float32' and 'torch' not in sys.modules\n"
        "import torch; assert model.dtype is torch.float32"
    )
    if model.backend == "native":
        subprocess.run([sys.executable, "-c", program, folder], check=True, timeout=120)


@pytest.mark.parametrize(
    "mask", [[[0.0, 1.0, 1.0]], [[False, True, True]], [[0, 1, 1]]], ids=["floats", "truths", "ints"]
)
def test_an_attention_mask_of_floats(model: CausalLM, theirs: Any, mask: list[list[Any]]) -> None:
    expected = theirs.generate(IDS, attention_mask=torch.tensor(mask), **GREEDY)
    for each in (torch.tensor(mask), np.array(mask), mask):
        assert torch.equal(model.generate(IDS, attention_mask=each, **GREEDY), expected)
    with pytest.raises(UsageError, match=r"attention_mask holds 0\.5; expected 1 where there is a token"):
        model.generate(IDS, attention_mask=torch.tensor([[0.5, 1.0, 1.0]]))
    with pytest.raises(UsageError, match="tokens are integers"):
        model.generate(IDS.float())


@pytest.mark.parametrize(
    "arguments",
    [
        {"logits_processor": transformers.LogitsProcessorList()},
        {"stopping_criteria": transformers.StoppingCriteriaList()},
        {"use_cache": False},
        {"use_cache": True},
        {"logits_to_keep": 1},
        {"eos_token_id": -1},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore")
def test_arguments_that_change_nothing(
    model: CausalLM, theirs: Any, pipe: TextGenerationPipeline, reference: Any, arguments: dict[str, Any]
) -> None:
    assert torch.equal(model.generate(IDS, **GREEDY, **arguments), theirs.generate(IDS, **GREEDY, **arguments))
    assert pipe("fox", **GREEDY, **arguments) == reference("fox", **GREEDY, **arguments)


def test_a_call_without_a_mask_reads_the_token_that_is_padding_elsewhere(model: CausalLM, theirs: Any) -> None:
    ids = torch.tensor([[5, 0, 6, 0, 7]])
    pad, model.generation_config.pad_token_id = model.generation_config.pad_token_id, 0
    with torch.no_grad():
        expected = theirs(ids).logits
    assert torch.allclose(model(ids).logits, expected, atol=1e-3)
    model.generation_config.pad_token_id = pad


@pytest.mark.parametrize("places", [0, 1, 2, 9, torch.tensor([0, 2]), [1]], ids=str)
def test_logits_to_keep_and_return_dict(model: CausalLM, theirs: Any, places: Any) -> None:
    with torch.no_grad():
        expected = theirs(IDS, logits_to_keep=places).logits
    torch.testing.assert_close(model(IDS, logits_to_keep=places).logits, expected, atol=1e-4, rtol=0)
    logits, *rest = model(IDS, logits_to_keep=places, return_dict=False, use_cache=False)
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)
    assert rest == []


def test_what_a_model_is_called_with_is_checked(model: CausalLM) -> None:
    for arguments, error, words in (
        ({"logits_to_keep": -1}, UsageError, "logits_to_keep is -1"),
        ({"logits_to_keep": 1.5}, UsageError, "how many of the last tokens"),
        ({"return_dict": 1}, UsageError, "return_dict is 1"),
        ({"return_dic": True}, UnknownName, "return_dict"),
        ({"output_attentions": True}, Unsupported, "not observable"),
    ):
        with pytest.raises(error, match=words):
            model(IDS, **arguments)
    assert model(IDS, output_attentions=False, labels=None).logits.shape == (1, 3, 360)


def test_generate_without_a_prompt_gives_a_tensor_as_theirs(
    model: CausalLM, theirs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model.generation_config, "bos_token_id", 1)
    monkeypatch.setattr(theirs.generation_config, "bos_token_id", 1)
    ours = model.generate(max_new_tokens=3)
    assert isinstance(ours, torch.Tensor) and ours.shape == (1, 4)
    assert torch.equal(ours, theirs.generate(max_new_tokens=3, do_sample=False))
    monkeypatch.delitem(sys.modules, "torch")
    assert isinstance(model.generate(max_new_tokens=3), np.ndarray)


class Texts(Dataset):  # type: ignore[type-arg]
    """Items by number, with a length, and no end that iterating would find."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index % len(self.items)]


@pytest.mark.parametrize(
    "items", [["Hello, how", "fox"], [[USER], [{"role": "user", "content": "fox"}]]], ids=["texts", "chats"]
)
def test_datasets_of_torch_and_their_keys(pipe: TextGenerationPipeline, reference: Any, items: list[Any]) -> None:
    expected = [reference(item, **GREEDY) for item in items]
    if isinstance(items[0], str):  # theirs does not see that a dataset's items are chats
        assert list(reference(Texts(items), **GREEDY)) == expected
    for dataset in (Texts(items), KeyDataset(Texts([{"prompt": item} for item in items]), "prompt")):
        results = pipe(dataset, **GREEDY)
        assert not isinstance(results, list) and list(results) == expected
        assert list(pipe(dataset, **GREEDY, batch_size=2)) == expected
    assert list(pipe(Texts([]))) == []


def test_options_of_a_pipeline_that_say_what_is_so(model: CausalLM, folder: Path) -> None:
    for options in (
        {"framework": "pt"},
        {"dtype": torch.float32},
        {"torch_dtype": "auto", "device": "cpu"},
        {"task": "text-generation", "device": -1},
    ):
        made = TextGenerationPipeline(model, **options)
        assert len(made("fox", max_new_tokens=1, return_tensors=True)[0]["generated_token_ids"]) == 3
    made = pipeline("text-generation", folder, framework="pt", dtype="float32", device_map="cpu")
    made.model.close()
    for options, error, words in (
        ({"framework": "tf"}, Unsupported, "framework='tf'"),
        ({"dtype": torch.bfloat16}, Unsupported, "held in float32. Load it with dtype='bfloat16'"),
        ({"device": "cuda"}, Unsupported, "device_map='cuda'"),
        ({"task": "summarization"}, UnknownName, "text-generation"),
    ):
        with pytest.raises(error, match=words):
            TextGenerationPipeline(model, **options)


def test_transformers_generation_config_is_taken(folder: Path, theirs: Any) -> None:
    config = transformers.GenerationConfig(max_new_tokens=5, repetition_penalty=1.3, eos_token_id=2, pad_token_id=0)
    expected = theirs.generate(IDS, generation_config=config)
    with AutoModelForCausalLM.from_pretrained(folder, dtype="float32", device_map="cpu") as loaded:
        assert torch.equal(loaded.generate(IDS, generation_config=config), expected)
        loaded.generation_config = config
        assert loaded.generation_config == GenerationConfig(
            max_new_tokens=5, repetition_penalty=1.3, eos_token_id=2, pad_token_id=0
        )
        assert torch.equal(loaded.generate(IDS), expected)
        loaded.generation_config = theirs.generation_config  # read from a file, with what transformers notes beside it
        assert loaded.generation_config.eos_token_id == 2
        with AutoModelForCausalLM.from_pretrained(folder, device_map="cpu", generation_config=config) as second:
            assert second.generation_config.max_new_tokens == 5
        for wrong, error, words in (
            (transformers.GenerationConfig(num_beams=3), Unsupported, "num_beams=3"),
            ({"max_new_tokens": 3}, UsageError, r"generation_config is builtins\.dict"),
            (None, UsageError, r"expected causerie\.GenerationConfig"),
        ):
            with pytest.raises(error, match=words):
                loaded.generation_config = wrong


def test_a_key_of_a_config_is_set_by_its_attribute(folder: Path) -> None:
    config = AutoConfig.from_pretrained(folder)
    config.pad_token_id = 2
    config.made_up = "x"
    assert config.pad_token_id == config["pad_token_id"] == config.to_dict()["pad_token_id"] == 2
    assert dict(config)["made_up"] == "x" and config.name_or_path == str(folder)
    config.name_or_path = "other"
    assert config.name_or_path == "other" and "name_or_path" not in config


def test_apples_gpu_is_a_device_that_may_be_missing(folder: Path) -> None:
    if torch.backends.mps.is_available():
        pytest.skip("It is here.")
    for name in ("mps", "mps:0"):
        with pytest.raises(BackendUnavailable, match=r"'mps' cannot be used: .*Use device_map='cpu'"):
            AutoModelForCausalLM.from_pretrained(folder, device_map=name)


ANY_ROLE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
FEW_ROLES = (
    "{% for m in messages %}{% if m.role not in ['user', 'assistant'] %}{{ raise_exception('Only two roles') }}"
    "{% endif %}{{ m.content }}{% endfor %}"
)
SILENT = "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}"


def with_template(pipe: TextGenerationPipeline, template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe.tokenizer.chat.template, "sources", {"default": template})


def test_a_role_that_the_template_renders(pipe: TextGenerationPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = [USER, {"role": "critic", "content": "No"}]
    with_template(pipe, ANY_ROLE, monkeypatch)
    result = pipe(chat, max_new_tokens=1)[0]["generated_text"]
    assert [message["role"] for message in result] == ["user", "critic", "assistant"]
    with pytest.raises(MessageError, match="unknown role"):
        pipe([{"role": "x" * 100, "content": "No"}])
    for template in (FEW_ROLES, SILENT):
        with_template(pipe, template, monkeypatch)
        with pytest.raises(MessageError, match="Message 1 has the unknown role 'critic'"):
            pipe(chat)


def test_a_template_that_refuses_the_system_role_says_what_to_do(
    pipe: TextGenerationPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_template(pipe, FEW_ROLES, monkeypatch)
    with pytest.raises(TemplateError, match=r"Only two roles.*no system role\. Put the instruction at the beginning"):
        pipe([{"role": "system", "content": "Be brief."}, USER])
    with pytest.raises(TemplateError, match="Only two roles") as caught:  # another role is to blame
        pipe([{"role": "system", "content": ""}, USER])
    assert "Put the instruction" not in str(caught.value)


def test_add_generation_prompt_is_an_option_of_a_pipeline(pipe: TextGenerationPipeline) -> None:
    def prompt(**options: Any) -> str:
        tokens = pipe([USER], max_new_tokens=1, return_tensors=True, **options)[0]["generated_token_ids"]
        return str(pipe.tokenizer.decode(tokens[:-1]))

    opened = prompt()
    assert opened == prompt(add_generation_prompt=True) and opened.endswith("assistant\n")
    assert prompt(add_generation_prompt=False) == opened.removesuffix("<|im_start|>assistant\n")
    with pytest.raises(UsageError, match=r"'messages' cannot be a variable of the template.*Leave it out"):
        prompt(tokenizer_encode_kwargs={"messages": []})
