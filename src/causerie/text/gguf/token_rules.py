"""The `tokenizers` object of a checked vocabulary, for each kind of tokenizer that chat models have.

Byte-level vocabularies (gpt2) have merges and a named rule for splitting texts; those of SentencePiece (llama) have a
score for each token, from which the same merges follow; gemma4's have merges over plain text; `piece_rules.py` has
those of other models. Knows how texts become tokens, and neither templates nor what ends an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from causerie.errors import Unsupported
from causerie.text.gguf.piece_rules import unigrams, word_pieces
from causerie.text.gguf.score_merges import merges_of_scores
from causerie.text.gguf.splitting import SPLITTINGS, Splitting, pre_tokenizer_of, splitting_of
from causerie.text.gguf.vocabulary import CONTROL, ENDS, UNKNOWN, UNUSED, USER_DEFINED, GgufVocabulary

if TYPE_CHECKING:
    from tokenizers import AddedToken, Tokenizer

_OF_OTHER_MODELS = {
    "rwkv": "the vocabulary of RWKV, each of whose tokens is the longest beginning of what is left of a text",
    "plamo2": "the vocabulary of PLaMo 2, whose scores are weighed by rules of its own",
    "whitespace": "a vocabulary of models of embeddings",
    "hybriddna": "a vocabulary of DNA",
    "none": "no vocabulary",
    "no_vocab": "no vocabulary",
}
_SPACE = "\u2581"
_FILLING = re.compile(r"\[PAD\d+\]")
_PHI3_KEEPS_SPACES = ("<unk>", "<s>", "<|endoftext|>")


def token_rules(vocabulary: GgufVocabulary, model_name: str) -> Tokenizer:
    """The tokenizer of a vocabulary. `model_name` is the file's general.name: GGUF does not say which tokens take the
    spaces behind them, and Phi-3's do. CheckpointError for a vocabulary that does not fit together, Unsupported for a
    kind or a rule for splitting that is not one of ours."""
    if vocabulary.kind == "llama":
        merges = merges_of_scores(vocabulary)
        tokenizer, begins = _plain_text(vocabulary, merges, vocabulary.flag("add_space_prefix", True)), True
    elif vocabulary.kind in ("gemma4", "gpt2"):
        splitting = SPLITTINGS["gemma4"] if vocabulary.kind == "gemma4" else _splitting(vocabulary)
        begins = splitting.begins
        if splitting.plain_text:
            tokenizer = _plain_text(vocabulary, _merge_pairs(vocabulary), space_first=False)
        else:
            tokenizer = _byte_level(vocabulary, splitting)
    elif vocabulary.kind == "bert":
        tokenizer, begins = word_pieces(vocabulary), False
    elif vocabulary.kind == "t5":
        tokenizer, begins = unigrams(vocabulary), False
    else:
        raise _unsupported(vocabulary)
    phi3 = vocabulary.kind == "llama" and any(name in model_name.lower() for name in ("phi-3", "phi3"))
    tokenizer.add_tokens(_added_tokens(vocabulary, phi3))
    _surround(tokenizer, vocabulary, begins)
    return tokenizer


def _unsupported(vocabulary: GgufVocabulary) -> Unsupported:
    kind = vocabulary.kind
    what = _OF_OTHER_MODELS.get(kind, "a kind that is not known here")
    return Unsupported(
        f"{vocabulary.file}: tokenizer.ggml.model is {kind[:60]!r}, {what}; 'gpt2', 'llama', 'gemma4', 'bert' and 't5' "
        "are read. Take the model's safetensors checkpoint with its tokenizer.json, or another model."
    )


def _splitting(vocabulary: GgufVocabulary) -> Splitting:
    if not vocabulary.splitting:
        raise Unsupported(
            f"{vocabulary.file}: tokenizer.ggml.pre is missing, as in files from before May 2024: how texts are split "
            "is not said, and a wrong rule would give wrong tokens. Take a newer conversion of the model."
        )
    return splitting_of(vocabulary.splitting, vocabulary.file)


# --- the kinds ---


def _byte_level(vocabulary: GgufVocabulary, splitting: Splitting) -> Tokenizer:
    from tokenizers import Tokenizer, decoders, models, normalizers

    vocab, merges = _vocab(vocabulary), _merge_pairs(vocabulary)
    with _library_refusals(vocabulary):
        tokenizer = Tokenizer(models.BPE(vocab, merges, ignore_merges=splitting.whole_words))
    if splitting.composes:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizer_of(splitting)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _plain_text(vocabulary: GgufVocabulary, merges: list[tuple[str, str]], space_first: bool) -> Tokenizer:
    """Merges over a text whose spaces are ▁. What no token spells is bytes, where the vocabulary has them."""
    from tokenizers import Tokenizer, decoders, models, normalizers

    unknown = vocabulary.special.get("unk_token", next(iter(vocabulary.ids_of(UNKNOWN)), None))
    vocab = _vocab(vocabulary)
    with _library_refusals(vocabulary):
        model = models.BPE(
            vocab,
            merges,
            unk_token=None if unknown is None else vocabulary.tokens[unknown],
            fuse_unk=True,
            byte_fallback="<0x00>" in vocab,
        )
    tokenizer = Tokenizer(model)
    spaces = normalizers.Replace(" ", _SPACE)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(_SPACE), spaces]) if space_first else spaces
    steps = [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)] if space_first else steps)
    return tokenizer


# --- what they share ---


@contextmanager
def _library_refusals(vocabulary: GgufVocabulary) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the library raises nothing more specific
        raise vocabulary.refuse(
            "merges", f"do not fit the tokens ({error})", "pairs of tokens that make a token"
        ) from error


def _vocab(vocabulary: GgufVocabulary) -> dict[str, int]:
    """Tokens and ids, without those that only fill up the model's rows, and without special ones at the end, which
    are added behind the others as in tokenizer.json."""
    tokens, types = vocabulary.tokens, vocabulary.types
    end = len(tokens)
    while end and types[end - 1] == UNUSED and _FILLING.fullmatch(tokens[end - 1]):
        end -= 1
    while end and types[end - 1] in (CONTROL, USER_DEFINED):
        end -= 1
    return dict(zip(tokens[:end], range(end), strict=True))


def _merge_pairs(vocabulary: GgufVocabulary) -> list[tuple[str, str]]:
    if not vocabulary.merges:
        raise vocabulary.refuse("merges", "is missing or empty", "pairs of tokens, with a space between")
    pairs = []
    for merge in vocabulary.merges:
        border = merge.find(" ", 1)
        if border < 0 or border == len(merge) - 1:
            raise vocabulary.refuse("merges", f"has {merge[:60]!r}", "two tokens with a space between")
        pairs.append((merge[:border], merge[border + 1 :]))
    return pairs


def _added_tokens(vocabulary: GgufVocabulary, phi3: bool) -> list[AddedToken]:
    """The tokens that are matched in a text before its rules run; those that text can not be are special."""
    from tokenizers import AddedToken

    special = set(vocabulary.ids_of(CONTROL, UNKNOWN))
    special.update(vocabulary.special[name] for name in ("bos_token", *ENDS) if name in vocabulary.special)
    added = []
    for index in sorted({*special, *vocabulary.ids_of(USER_DEFINED)}):
        content = vocabulary.tokens[index]
        takes_spaces = phi3 and content not in _PHI3_KEEPS_SPACES
        added.append(AddedToken(content, special=index in special, rstrip=takes_spaces, normalized=False))
    return added


def _surrounding(kind: str, begins: bool) -> tuple[tuple[str, int, bool], ...]:
    """Which tokens may be put before and behind a text, and whether they are where the file does not say."""
    if kind == "bert":
        return (("cls_token", 0, True), ("sep_token", 2, True))
    return (("bos_token", 0, begins), ("eos_token", 2, kind == "t5"))


def _surround(tokenizer: Tokenizer, vocabulary: GgufVocabulary, begins: bool) -> None:
    """Lets texts begin with bos and end with eos, as the file says."""
    from tokenizers import processors

    template, ids = ["$A"], []
    for name, place, otherwise in _surrounding(vocabulary.kind, begins):
        stated = vocabulary.flags.get(f"add_{name}")
        if not (otherwise if stated is None else stated):
            continue
        if name not in vocabulary.special:
            if stated is None:
                continue
            key = f"{name[:3]}_token_id"
            raise vocabulary.refuse(key, f"is missing while add_{name} is true", "the number of that token")
        content = vocabulary.tokens[vocabulary.special[name]]
        template.insert(place, content)
        ids.append((content, vocabulary.special[name]))
    if ids:
        tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=ids)
