"""How byte-level vocabularies split a text before their merges run, by the name that `tokenizer.ggml.pre` gives.

GGUF states a name and no rule. The rules here are those of the models' own tokenizer.json, one entry for each distinct
rule; llama.cpp's list says which names share one. Where its rule only comes near the model's, the model's stands here:
digits grouped from the right only before a border, letters by case, composed characters. Knows no vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING

from causerie.errors import Unsupported

if TYPE_CHECKING:
    from tokenizers.pre_tokenizers import PreTokenizer

DIGITS_ALONE, DIGIT_RUNS, PUNCTUATION_ALONE, PUNCTUATION_RUNS, GPT2_BYTES = (
    "digits alone",
    "digit runs",
    "punctuation alone",
    "punctuation runs",
    "bytes by GPT-2's pattern",
)
"""Steps that the `tokenizers` library has under names of its own; every other step is a pattern."""
_NEWLINES_APART = r"(?:\r?\n)+(?!\r?\n)"
"""The one pattern whose matches go with what follows them."""


@dataclass(frozen=True)
class Splitting:
    """The steps that split a text one after the other, and what goes with them in the same models.

    `composes`: the text is in Unicode's composed form (NFC) first. `whole_words`: a piece that is a token as a whole is
    that token, whatever the merges say. `begins`: a text begins with the bos token where the file does not say.
    `plain_text`: tokens are spelled in plain text with ▁ for a space, not byte by byte."""

    steps: tuple[str, ...]
    composes: bool = False
    whole_words: bool = False
    begins: bool = False
    plain_text: bool = False


_ENDINGS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_SIGNS = r" ?[^\s\p{L}\p{N}]+[\r\n]*"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"


def _cased(upper: str, lower: str, endings: str) -> str:
    """Words of which a capital in the middle begins another one."""
    lead = r"[^\r\n\p{L}\p{N}]?"
    return f"{lead}{upper}*{lower}+{endings}|{lead}{upper}+{lower}*{endings}"


def _llama3(digits: str) -> str:
    return f"{_ENDINGS}|{_WORDS}|{digits}|{_SIGNS}|{_SPACES}"


_THREE_DIGITS = r"\p{N}{1,3}"
_QWEN2 = _llama3(r"\p{N}")
_QWEN35 = rf"{_ENDINGS}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{_SPACES}"
_TEKKEN = _cased(_UPPER, _LOWER, "") + rf"|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_SPACES}"
_GPT4O = _cased(_UPPER, _LOWER, _ENDINGS + "?") + rf"|{_THREE_DIGITS}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_SPACES}"
_KIMI = (
    r"[\p{Han}]+|"
    + _cased(r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]", _ENDINGS + "?")
    + f"|{_THREE_DIGITS}|{_SIGNS}|{_SPACES}"
)
_GROUPED_DIGITS = r"\d{1,3}(?=(?:\d{3})*\b)"
_CJK = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
_CJK_AND_HANGUL = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
_UNSPACED = (
    "[\u4e00-\u9fff\u3400-\u4dbf\u8c48-\ufaff\u3040-\u309f\u30a0-\u30ff\uff65-\uff9f\u2f00-\u2fdf\u0e40-\u0e7f\u0e80-\u0eff"
    "\u1780-\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\uac00-\ud7af\u1100-\u11ff]+"
)
_YOUTU = (
    "[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f\ufe30-\ufe4f]+|"
    "[\u3105-\u312f]+|" + _CJK
)
_ASCII_SIGN_WORDS = r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+"""
_DEEPSEEK3 = rf"{_ASCII_SIGN_WORDS}|[^\r\n\p{{L}}\p{{P}}\p{{S}}]?[\p{{L}}\p{{M}}]+| ?[\p{{P}}\p{{S}}]+[\r\n]*|{_SPACES}"
_SPARK = rf"{_ASCII_SIGN_WORDS}|[^\r\n\p{{L}}\p{{P}}\p{{S}}]?[\p{{L}}\p{{M}}]+| ?[\p{{P}}\p{{S}}]+|[\r\n]|\s+(?!\S)|\s+"
_BLOOM = " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_CASED_LETTERS = (  # of the scripts that have a case, as they were in Unicode 9
    "A-Za-z\xb5\xc0-\xd6\xd8-\xf6\xf8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376"
    "\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-"
    "\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b"
    "\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59"
    "\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3"
    "\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d"
    "\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00"
    "-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787"
    "\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f"
    "\U000104b0-\U000104d3\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-"
    "\U000118df\U0001e900-\U0001e943"
)
_DEEPSEEK_SIGNS = "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"
_FALLING_SPACES = "|".join(rf"\s{{{count}}}(?!\S)" for count in (512, 256, 128, 64, 32, 16, 8, 4, "1,2"))
_EXAONE_WORDS = r"[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+"

_LLAMA3_RULE = Splitting((_llama3(_THREE_DIGITS),))
_LLAMA3_WHOLE = Splitting((_llama3(_THREE_DIGITS),), whole_words=True)
_LLAMA3_BEGUN = Splitting((_llama3(_THREE_DIGITS),), whole_words=True, begins=True)
_QWEN2_RULE = Splitting((_QWEN2,))
_QWEN2_COMPOSED = Splitting((_QWEN2,), composes=True)
_DEEPSEEK3_RULE = Splitting((_THREE_DIGITS, _CJK, _DEEPSEEK3))
_DIGITS_RULE = Splitting((DIGITS_ALONE, GPT2_BYTES))
_GPT2_RULE = Splitting((GPT2_BYTES,))
_GPT2_COMPOSED = Splitting((GPT2_BYTES,), composes=True)
_GPT4O_RULE = Splitting((_GPT4O,))
_BLOOM_RULE = Splitting((_BLOOM,))
_COHERE_RULE = Splitting((_GROUPED_DIGITS, _GPT4O), composes=True)
_LING = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
_LING_RULE = Splitting((_LING,))

SPLITTINGS: Mapping[str, Splitting] = {
    "default": Splitting((r"[\p{P}\$\+<=>\^~\|]+", _GPT2, r"\p{N}+", "[0-9][0-9][0-9]")),
    # The rule of tiktoken's cl100k, digits by three.
    **dict.fromkeys(("llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral"), _LLAMA3_BEGUN),
    **dict.fromkeys(("midm-2.0", "lfm2", "jina-v5-nano"), _LLAMA3_BEGUN),
    **dict.fromkeys(("dbrx", "smaug-bpe", "chatglm-bpe"), _LLAMA3_RULE),
    **dict.fromkeys(("glm4", "glm5"), _LLAMA3_WHOLE),
    "jais-2": Splitting((rf"{_ENDINGS}|{_WORDS}|{_THREE_DIGITS}|{_SIGNS}|\s*[\r\n]+|{_FALLING_SPACES}|\s",)),
    "minicpm5": Splitting((_THREE_DIGITS, _llama3(r"\p{N}+")), whole_words=True),
    # The same with digits one by one.
    "qwen2": _QWEN2_COMPOSED,
    **dict.fromkeys(("deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2"), _QWEN2_RULE),
    **dict.fromkeys(("hunyuan", "solar-open", "grok-2"), _QWEN2_RULE),
    "qwen35": Splitting((_QWEN35,), composes=True),
    "ufakzeka": Splitting((rf"{_WORDS}|\p{{N}}|{_SIGNS}|{_SPACES}",)),
    "laguna": Splitting((_NEWLINES_APART, _QWEN2)),
    "seed-coder": Splitting((rf"{_ENDINGS}|{_WORDS}|\p{{N}}{{1}}| ?[^\s\p{{L}}\p{{N}}\r\n]+|{_SPACES}",)),
    "exaone-moe": Splitting(
        (rf"{_ENDINGS}|{_EXAONE_WORDS}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+",)
    ),
    **dict.fromkeys(("bailingmoe", "bailingmoe2", "llada-moe"), _LING_RULE),
    # The rule of tiktoken's o200k: a capital begins a word.
    "tekken": Splitting((_TEKKEN,), whole_words=True, begins=True),
    **dict.fromkeys(("gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"), _GPT4O_RULE),
    "granite-embed-multi-97m": Splitting((_GPT4O,), whole_words=True),
    **dict.fromkeys(("tiny_aya", "cohere2moe"), _COHERE_RULE),
    "kimi-k2": Splitting((_KIMI,)),
    "youtu": Splitting(
        (_YOUTU, _cased(_UPPER, _LOWER, _ENDINGS + "?") + rf"|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_SPACES}"),
        whole_words=True,
    ),
    # DeepSeek's, in several steps.
    "deepseek-llm": Splitting(
        (r"[\r\n]", rf"\s?[{_CASED_LETTERS}]+", _DEEPSEEK_SIGNS, r"\s+$", _CJK_AND_HANGUL, DIGITS_ALONE)
    ),
    "deepseek-coder": Splitting((r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", _CJK_AND_HANGUL, DIGITS_ALONE)),
    **dict.fromkeys(("deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"), _DEEPSEEK3_RULE),
    "spark2_5": Splitting((_THREE_DIGITS, _CJK, _SPARK, DIGITS_ALONE)),
    "afmoe": Splitting((r"\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))", _UNSPACED, _DEEPSEEK3)),
    # GPT-2's, alone and with digits apart.
    **dict.fromkeys(("gpt-2", "phi-2", "jina-es", "jina-de", "jina-v1-en", "jina-v2-es", "jina-v2-de"), _GPT2_RULE),
    **dict.fromkeys(("jina-v2-code", "roberta-bpe", "gigachat", "a.x-4.0", "mellum", "modern-bert"), _GPT2_RULE),
    **dict.fromkeys(("jais", "trillion", "granite-docling", "exaone4"), _GPT2_RULE),
    **dict.fromkeys(("mpt", "olmo"), _GPT2_COMPOSED),
    **dict.fromkeys(("starcoder", "refact", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2"), _DIGITS_RULE),
    "command-r": Splitting((DIGITS_ALONE, GPT2_BYTES), composes=True),
    "falcon": Splitting((PUNCTUATION_RUNS, GPT2_BYTES, DIGIT_RUNS, "[0-9][0-9][0-9]")),
    "chameleon": Splitting(
        (
            "<sentinel:[0-9]+>",
            "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z",
            r"([\t\n]|    |  )",
            DIGITS_ALONE,
            PUNCTUATION_ALONE,
            GPT2_BYTES,
        ),
        begins=True,
    ),
    **dict.fromkeys(("poro-chat", "bloom", "gpt3-finnish"), _BLOOM_RULE),
    "viking": Splitting((_BLOOM, DIGITS_ALONE)),
    "superbpe": Splitting((r"\p{N}+", r"(?=(\d{3})+(?!\d))")),
    # No splits: merges run over the whole text.
    **dict.fromkeys(("gemma4", "granite-embed-multi-311m"), Splitting((), begins=True, plain_text=True)),
    "sarvam-moe": Splitting((), plain_text=True),
}


def splitting_of(name: str, file: str) -> Splitting:
    """The rule that `tokenizer.ggml.pre` names. Unsupported, with the nearest name, for one that nobody here knows."""
    if name in SPLITTINGS:
        return SPLITTINGS[name]
    near = get_close_matches(name, SPLITTINGS, n=1, cutoff=0.0)[0]
    raise Unsupported(
        f"{file}: tokenizer.ggml.pre is {name[:60]!r}, a rule for splitting texts that is not one of the "
        f"{len(SPLITTINGS)} here; the nearest is {near!r}. A wrong one would give wrong tokens, so none is guessed. "
        "Take the model's safetensors checkpoint with its tokenizer.json, or a newer release of this program."
    )


def pre_tokenizer_of(splitting: Splitting) -> PreTokenizer:
    """The steps as `tokenizers` runs them; bytes get their letters in the last, where no step before has done so."""
    from tokenizers import Regex, pre_tokenizers

    ready: dict[str, Callable[[], PreTokenizer]] = {
        DIGITS_ALONE: partial(pre_tokenizers.Digits, individual_digits=True),
        DIGIT_RUNS: partial(pre_tokenizers.Digits, individual_digits=False),
        PUNCTUATION_ALONE: partial(pre_tokenizers.Punctuation, "isolated"),
        PUNCTUATION_RUNS: partial(pre_tokenizers.Punctuation, "contiguous"),
        GPT2_BYTES: partial(pre_tokenizers.ByteLevel, add_prefix_space=False, use_regex=True),
    }
    steps: list[PreTokenizer] = []
    for step in splitting.steps:
        behavior = "merged_with_next" if step == _NEWLINES_APART else "isolated"
        steps.append(ready[step]() if step in ready else pre_tokenizers.Split(Regex(step), behavior))
    if GPT2_BYTES not in splitting.steps:
        steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False))
    chain: PreTokenizer = pre_tokenizers.Sequence(steps)
    return chain
