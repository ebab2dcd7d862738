"""A published config is read without a word, as the model that transformers makes of it: as many parameters, the same
windows, and no key that only its training or another program knows is refused. What a config leaves out is what
transformers means by it. That they give the same logits is shown on tiny ones in test_published_tiny.py."""

from __future__ import annotations

import json
import warnings
from hashlib import sha256
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

from causerie.loading.packed.method import without_method
from causerie.models.registry import families, spec_from_config, text_values
from causerie.spec.decoder import Decoder
from tests.parity.cases import TINY
from tests.parity.published import FILES, PUBLISHED, WHOLES
from tests.parity.published_sizes import BILLIONS, OTHER_SIZES, TEXT_BILLIONS

STRANGE = {"Hunyuan-7B-Instruct": "use_cla"}
"""Keys that no known family computes by, and that are told."""


@pytest.mark.parametrize(("name", "values"), PUBLISHED.items(), ids=PUBLISHED)
def test_a_published_config_is_transformers_model(name: str, values: dict[str, Any]) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        spec = spec_from_config(json.loads(json.dumps(values)))
    assert [str(each.message).count(STRANGE.get(name, "")) > 0 for each in told] == [True] * (name in STRANGE)
    config = AutoConfig.for_model(**values)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    biases = sum(
        bias.numel()
        for name, bias in model.named_buffers()
        if name.endswith(("correction_bias", "expert_bias", "layer_scalar"))
    )
    assert spec.parameters == biases + sum(weight.numel() for weight in model.parameters())
    attentions = [layer.self_attn for layer in model.model.layers]
    assert [layer.mixer.scale for layer in spec.layers] == pytest.approx([each.scaling for each in attentions])
    every = "sliding_attention" if values["model_type"] == "phimoe" else "full_attention"
    kinds = getattr(config, "layer_types", None) or [every] * len(spec.layers)
    reach = {"sliding_attention": "sliding_window", "chunked_attention": "attention_chunk_size"}
    windows = [getattr(config, reach[kind]) if kind in reach else None for kind in kinds]
    assert [layer.mixer.cache.window for layer in spec.layers] == windows
    assert spec.context == config.max_position_embeddings and spec.family in families()


def in_silence(values: dict[str, Any]) -> Decoder:
    """The spec of a config, without a word about it; how its weights are packed is another reader's."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return spec_from_config(without_method(json.loads(json.dumps(values))))


@pytest.mark.parametrize(("name", "values"), FILES.items(), ids=FILES)
def test_a_published_config_has_as_many_parameters(name: str, values: dict[str, Any]) -> None:
    spec = in_silence(values)
    values = without_method(values)
    if "ffn_config" in values:  # of DBRX, whose 1 transformers 5 does not take for 1.0
        values["ffn_config"] = values["ffn_config"] | {"moe_normalize_expert_weights": 1.0}
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**json.loads(json.dumps(values))))
    assert spec.parameters == sum(weight.numel() for weight in model.parameters())
    assert len(spec.layers) == model.config.num_hidden_layers and spec.context == model.config.max_position_embeddings


DIGESTS = {
    "SmolLM3-3B": "c72b1031274ff4626e434d0019e88e95a767460135db9ee492eb80652b786af1",
    "SmolLM3-3B-Base": "e8336e843aecb733691a043ad4209168e1730158b5e03c2672591cc946036a47",
    "dbrx-instruct": "22ac9ec844ce98afd46f5d8a23fed9b7c68b5c615ebe7b174b92f5c0e1de45d8",
    "Phi-3.5-MoE-instruct": "0b7d26ba176054d43f2b47012ec7cb01868ae7078693757f940e90c13e5bae15",
    "gemma-4-26B-A4B": "0364256c5de7863a22b5dd666043d542d42b681c02fd83eb67dc7b483d859e96",
}
"""SHA-256 of the file that was published, where it is known."""


@pytest.mark.parametrize(("name", "digest"), DIGESTS.items(), ids=DIGESTS)
def test_a_published_config_is_the_file_byte_by_byte(name: str, digest: str) -> None:
    text = json.dumps((FILES | WHOLES)[name], indent=2)
    assert digest in (sha256(each.encode()).hexdigest() for each in (text, text + "\n"))


SENSES = (".visual.", "vision", "audio", "multi_modal_projector")  # in names of what sees and hears
UNTIED = {"Mistral-Small-3.1-24B-Instruct-2503"}
"""Whose files have a head and whose config does not say so; transformers 5 reads that of a whole as one without it."""


EYES_APART = {"gemma3n"}
"""Whose eyes another library makes for transformers; of these it builds the text model here."""


def whole_model(values: dict[str, Any], **options: Any) -> Any:
    """The model that transformers makes of a whole."""
    values = json.loads(json.dumps(values))
    if values["model_type"] in EYES_APART:
        return AutoModelForCausalLM.from_config(AutoConfig.for_model(**values["text_config"]), **options)
    return AutoModelForImageTextToText.from_config(AutoConfig.for_model(**values), **options)


@pytest.mark.parametrize(("name", "values"), WHOLES.items(), ids=WHOLES)
def test_the_text_model_of_a_published_whole_has_as_many_parameters(name: str, values: dict[str, Any]) -> None:
    spec = in_silence(values)
    values = without_method(values) | ({"tie_word_embeddings": False} if name in UNTIED else {})
    with torch.device("meta"):
        model = whole_model(values)
    scalars = [(name, buffer) for name, buffer in model.named_buffers() if name.endswith("layer_scalar")]
    weights = [*model.named_parameters(), *scalars]
    texts = [weight.numel() for name, weight in weights if not any(sense in name for sense in SENSES)]
    assert (len(texts) < len(weights)) is (values["model_type"] not in EYES_APART) and spec.parameters == sum(texts)
    config = model.config.get_text_config()
    assert len(spec.layers) == config.num_hidden_layers and spec.context == config.max_position_embeddings
    assert spec.family == text_values(values)["model_type"]


@pytest.mark.parametrize(("name", "billions"), (BILLIONS | TEXT_BILLIONS).items(), ids=BILLIONS | TEXT_BILLIONS)
def test_that_is_what_its_makers_say(name: str, billions: float) -> None:
    assert in_silence((FILES | WHOLES)[name]).parameters == pytest.approx(billions * 1e9, rel=0.005)


@pytest.mark.parametrize("name", OTHER_SIZES)
def test_another_size_has_as_many_parameters_as_its_makers_say(name: str) -> None:
    values, billions = OTHER_SIZES[name]
    spec = in_silence(values)
    if "its text model" not in name or values["model_type"] == "ministral3":  # others have no class of their own
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**values))
        assert spec.parameters == sum(weight.numel() for weight in model.parameters())
    assert spec.parameters == pytest.approx(billions * 1e9, rel=0.005)
    assert len(spec.layers) == values["num_hidden_layers"] and spec.context == values["max_position_embeddings"]


SIZES = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "max_position_embeddings")
FAMILIES = sorted({values["model_type"] for values in PUBLISHED.values()})
LAYERS = {"gemma3n_text": {"num_hidden_layers": 20}}  # of which fifteen read the keys of the others
OTHERS = [
    *("gpt_oss", "smollm3", "qwen2_vl_text", "qwen2_5_vl_text", "qwen3_vl_text", "glm4v_text", "muse_glimmer_text"),
    *("step3p5", "gemma3n_text", "granitemoe", "granitemoeshared", "iquestcoder", "internlm3", "ministral"),
    *("solar_open", "dots1", "hunyuan_v1_moe", "afmoe", "mellum", "qwen3_vl_moe_text"),
    *("granite_swa", "granitemoe_swa", "hyperclovax", "vaultgemma"),
]


@pytest.mark.parametrize("family", [*FAMILIES, *OTHERS])
def test_absent_keys_mean_what_transformers_means(family: str) -> None:
    sizes = {key: TINY[key] for key in SIZES} | {"num_attention_heads": 160, "hidden_size": 640}
    sizes |= LAYERS.get(family, {})
    config = AutoConfig.for_model(family, **sizes).to_dict()
    kept = ("sliding_window", "attn_logit_softcapping", "final_logit_softcapping")
    written = {key: value for key, value in config.items() if value is not None or key in kept}
    assert spec_from_config(sizes | {"model_type": family}) == spec_from_config(written | {"model_type": family})
