"""The generator of the built-in model's dialogues keeps its promises, and the training network is a llama.

Nothing is trained here for long: the model itself is tested by its expected texts and by `python -m training.evaluate`.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from training.dialogues import compose, memory, outside, sums, unseen
from training.dialogues.phrasing import expand, noisy

torch = pytest.importorskip("torch")

SAMPLE = 1500


@pytest.fixture(scope="module")
def dialogues() -> list[compose.Dialogue]:
    return [compose.dialogue(Random(f"law {i}")) for i in range(SAMPLE)]


def test_same_seed_same_dialogues(dialogues: list[compose.Dialogue]) -> None:
    assert [compose.dialogue(Random(f"law {i}")) for i in range(50)] == dialogues[:50]


def test_thousands_of_distinct_questions(dialogues: list[compose.Dialogue]) -> None:
    asked = [turn.user for dialogue in dialogues for turn in dialogue.turns]
    assert len(set(asked)) > 0.7 * len(asked) > 2500


def test_no_hole_or_bracket_is_left(dialogues: list[compose.Dialogue]) -> None:
    for dialogue in dialogues:
        for turn in dialogue.turns:
            assert turn.user.strip() and turn.answer.strip()
            assert not any(
                hole in turn.user for hole in ("{x}", "{s}", "{p}", "{g}", "{e}", "{b}", "{t}", "{c}", "{n}", "{w}")
            )
            assert "|" not in turn.answer


def test_held_out_combinations_are_not_trained(dialogues: list[compose.Dialogue]) -> None:
    for dialogue in dialogues:
        for turn in dialogue.turns:
            if turn.group in ("sum", "sum next") and "=" in turn.answer:
                a, sign, b = turn.answer.removeprefix(dialogue.system or "").split(" = ")[0].split()[-3:]
                assert not sums.held_out(int(a), sign, int(b)), turn


def test_held_out_subjects_and_forms_are_not_trained() -> None:
    rng = Random(5)
    for _ in range(300):
        need = memory.draw(rng, held=False)
        assert not memory.held_out(need.size, need.precision)
        assert not outside.held_out(outside.pick(outside.subjects.PLACES, rng, held=False))
    for topic in compose.ALL:
        trained = set(compose.forms_of(topic, held=False))
        assert not trained & set(compose.forms_of(topic, held=True)), topic.id
        assert not trained & set(unseen.FORMS.get(topic.kind, ()))


@pytest.mark.parametrize("group", ["topic", "memory", "sum", "outside", "follow", "memory next", "sum next", "recall"])
def test_the_right_answer_is_right_and_another_is_not(group: str) -> None:
    from training import checker

    drawn = [compose.held_dialogue(Random(f"{group} {i}"), group).turns[-1] for i in range(30)]
    for turn in drawn:
        assert checker.right(turn.answer, turn.need, turn.answer, group == "outside"), turn
        assert not checker.right("I had soup for lunch.", turn.need, turn.answer, group == "outside"), turn


def test_checker_reads_numbers_whole() -> None:
    from training import checker

    assert checker.satisfies("about 16 GB in bf16.", ("#16 GB",))
    assert not checker.satisfies("about 116 GB", ("#16 GB",))
    assert not checker.satisfies("about 2.16 GB", ("#16 GB",))
    assert not checker.satisfies("12 + 3 = 155.", ("#= 15",))


def test_grammar() -> None:
    assert {expand("[a|b[c|]]d", Random(i)) for i in range(50)} == {"ad", "bcd", "bd"}
    assert all("`top_k=5`" in noisy("what does `top_k=5` do exactly", Random(i)) for i in range(200))


def test_network_is_a_llama(tmp_path: Path) -> None:
    """The same weights give transformers' LlamaForCausalLM the same logits."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from training.network import Network, Shape

    shape = Shape(vocab=64, width=64, layers=2, heads=2, kv_heads=1, head_dim=32, ffn=96, context=64)
    network = Network(shape, seed=3).eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, mean=1.0 if weight.dim() == 1 else 0.0, std=0.2)
    oracle = LlamaForCausalLM(LlamaConfig(**shape.hf_config(1, 2, 0))).eval()
    oracle.load_state_dict({**network.state_dict(), "lm_head.weight": network.model.embed_tokens.weight})
    tokens = torch.randint(0, 64, (3, 40))
    with torch.no_grad():
        torch.testing.assert_close(network(tokens), oracle(tokens).logits, atol=1e-4, rtol=1e-4)


def test_decoding_with_kept_keys_is_decoding() -> None:
    from training.decode import greedy
    from training.network import Network, Shape

    network = Network(Shape(vocab=50, width=64, layers=2, heads=2, kv_heads=1, head_dim=32, ffn=96, context=64), seed=1)
    prompts = [[1, 4, 9], [1, 7], [3, 3, 3, 8, 20, 11]]
    answers = greedy(network, prompts, end=49, limit=6, rows=2)
    for prompt, answer in zip(prompts, answers, strict=True):
        text = list(prompt)
        for token in answer:
            with torch.no_grad():
                assert int(network(torch.tensor([text]))[0, -1].argmax()) == token
            text.append(token)


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    """Two short runs of training, the second from the first one's state."""
    from training.tokenizer import learn
    from training.train import Plan, Trainer

    learn(seed=0, dialogues=60, vocab=400).save(str(tmp_path / "tokenizer.json"))
    for tokens in (500, 1000):
        plan = Plan(tmp_path, tokens, 0, 500, 1e-3, 1e-3, 1, "cpu", dropout=0.0)
        trainer = Trainer(plan)
        if (tmp_path / "state.pt").exists():
            trainer.resume(tmp_path / "state.pt")
            assert trainer.at.step > 0
        trainer.run()
        assert trainer.at.tokens >= tokens


MODEL = Path(__file__).parents[2] / "src" / "causerie" / "builtin" / "model"
EXPECTED = Path(__file__).parents[1] / "expected" / "builtin_greedy.json"


def test_transformers_gives_the_expected_texts() -> None:
    """The folder is a checkpoint of the field: transformers loads it and its greedy texts are those checked in."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from training.expect import answer

    expected = json.loads(EXPECTED.read_text())
    model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    assert [answer(model, tokenizer, chat)[0] for chat in expected["prompts"]] == expected["texts"]
    assert len(expected["texts"]) == 20


def test_the_folder_is_small_and_any_text_comes_back() -> None:
    from tokenizers import Tokenizer

    assert sum(path.stat().st_size for path in MODEL.iterdir()) <= 16e6
    tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    for text in ("Grüße, 你好 👋🏽!", "\x00\x7f\t\r\n", "  spaces   1234567890", "".join(map(chr, range(32, 1000)))):
        assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


@pytest.mark.parametrize(
    ("messages", "tools", "said"),
    [
        ([{"role": "robot", "content": "x"}], None, "Unknown role 'robot'"),
        ([{"role": "user", "content": "x"}, {"role": "system", "content": "y"}], None, "must be the first message"),
        ([{"role": "user", "content": ["x"]}], None, "must be text"),
        ([{"role": "user", "content": "x"}], [{"type": "function", "function": {"name": "f"}}], "cannot call tools"),
    ],
)
def test_the_template_refuses_what_it_cannot_write(messages: list[dict[str, object]], tools: object, said: str) -> None:
    from jinja2.exceptions import TemplateError
    from transformers import AutoTokenizer

    with pytest.raises(TemplateError, match=said):
        AutoTokenizer.from_pretrained(MODEL).apply_chat_template(messages, tools=tools, tokenize=False)


def test_the_template_writes_what_training_reads() -> None:
    from transformers import AutoTokenizer

    from training.tokenizer import Encoder

    tokenizer, encoder = AutoTokenizer.from_pretrained(MODEL), Encoder(MODEL / "tokenizer.json")
    for i in range(50):
        messages = compose.dialogue(Random(f"template {i}")).messages()[:-1]
        written = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        assert written == encoder.prompt(messages)
