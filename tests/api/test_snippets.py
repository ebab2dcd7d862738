"""What people paste: the field's two chat snippets with only the import line changed, and the examples of this project.

The model is the built-in one; a checkout without it uses the tests' random model, which says nothing sensible.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

import causerie
from causerie import AutoModelForCausalLM, AutoTokenizer, pipeline

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def MODEL(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    built_in = Path(causerie.builtin_model_path())
    if (built_in / "config.json").is_file():
        return str(built_in)
    stand_in = tmp_path_factory.mktemp("stand-in") / "model"
    shutil.copytree(request.getfixturevalue("folder"), stand_in)
    config = json.loads((stand_in / "config.json").read_text())
    (stand_in / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 4096}))  # it never ends
    return str(stand_in)


def fresh_chat() -> list[dict[str, str]]:
    return [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Hello! Who are you?"},
    ]


@pytest.mark.parametrize("dtype", [{"torch_dtype": torch.bfloat16}, {"dtype": "auto"}], ids=["torch_dtype", "dtype"])
def test_pipeline_snippet(MODEL: str, dtype: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    chat = fresh_chat()
    pipe = pipeline("text-generation", MODEL, **dtype, device_map="auto")
    response = pipe(chat, max_new_tokens=512)
    print(response[0]["generated_text"][-1]["content"])
    chat = response[0]["generated_text"]
    chat.append({"role": "user", "content": "And what can you do?"})
    response = pipe(chat, max_new_tokens=64)
    assert [message["role"] for message in response[0]["generated_text"]] == ["system", *["user", "assistant"] * 2]
    assert capsys.readouterr().out.strip()
    pipe.model.close()


def test_pipeline_by_names(MODEL: str) -> None:
    pipe = pipeline(task="text-generation", model=MODEL, dtype="auto")
    assert len(pipe(fresh_chat(), max_new_tokens=4)[0]["generated_text"]) == 3
    pipe.model.close()


def test_low_level_snippet(MODEL: str, capsys: pytest.CaptureFixture[str]) -> None:
    chat = fresh_chat()
    model = AutoModelForCausalLM.from_pretrained(MODEL, device_map="auto", torch_dtype=torch.bfloat16)
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    inputs = tokenizer(text, return_tensors="pt", add_special_tokens=False)
    inputs = {key: tensor.to(model.device) for key, tensor in inputs.items()}
    with warnings.catch_warnings():  # as in transformers where a checkpoint does not sample
        warnings.filterwarnings("ignore", "temperature=0.1 has no effect: do_sample is ")
        outputs = model.generate(**inputs, max_new_tokens=512, temperature=0.1)
    print(tokenizer.decode(outputs[0][inputs["input_ids"].size(1) :], skip_special_tokens=True))
    assert isinstance(outputs, torch.Tensor) and torch.equal(
        outputs[0][: inputs["input_ids"].size(1)], inputs["input_ids"][0]
    )
    assert capsys.readouterr().out.strip()
    model.close()


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_examples(MODEL: str, example: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / example, MODEL],
        input="Hello!\nWhat is a token?\n\n",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == "" and len(ran.stdout.splitlines()) >= 3
