"""The `tokenizers` object of vocabularies that models of embeddings and translators have: WordPiece (bert), whose
tokens are the longest beginnings of what is left of a word, and unigrams (t5), whose tokens make a text likeliest.

Knows how texts become tokens; which tokens surround a text is not said here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causerie.text.gguf.vocabulary import BYTE, CONTROL, UNKNOWN, UNUSED, GgufVocabulary

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.normalizers import Normalizer

_SPACE = "\u2581"
_GOES_ON = "##"
_LONGEST_WORD = 100
"""Characters, as BERT has it; a longer one is unknown."""


def word_pieces(vocabulary: GgufVocabulary) -> Tokenizer:
    """BERT's rules. Files have a space before tokens that begin a word, in the place of a mark before the others."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    whole = set(vocabulary.ids_of(CONTROL, UNKNOWN))
    vocab = {token if index in whole else _marked(token): index for index, token in enumerate(vocabulary.tokens)}
    unknown = vocabulary.tokens[_unknown(vocabulary)]
    model = models.WordPiece(vocab, unk_token=unknown, max_input_chars_per_word=_LONGEST_WORD)
    tokenizer = Tokenizer(model)
    lowercase = vocabulary.flag("normalizer.lowercase", True)
    tokenizer.normalizer = normalizers.BertNormalizer(
        lowercase=lowercase, strip_accents=vocabulary.flag("normalizer.strip_accents", lowercase)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(_GOES_ON, cleanup=False)
    return tokenizer


def unigrams(vocabulary: GgufVocabulary) -> Tokenizer:
    """SentencePiece's rules for scores that are logarithms of probabilities. CheckpointError without scores."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    if vocabulary.scores is None:
        raise vocabulary.refuse("scores", "is missing", "a score for each token, as kind 't5' has")
    scores, filling = vocabulary.scores.tolist(), set(vocabulary.ids_of(UNUSED))
    least = min((score for index, score in enumerate(scores) if index not in filling), default=0.0)
    pieces = [(token, max(score, least)) for token, score in zip(vocabulary.tokens, scores, strict=True)]
    bytes_fall = bool(vocabulary.ids_of(BYTE))
    tokenizer = Tokenizer(models.Unigram(pieces, _unknown(vocabulary), bytes_fall))
    space_first = vocabulary.flag("add_space_prefix", True)
    steps = _characters(vocabulary)
    if not vocabulary.flag("remove_extra_whitespaces", True):
        spaces = normalizers.Replace(" ", _SPACE)
        steps += [normalizers.Prepend(_SPACE), spaces] if space_first else [spaces]
    elif space_first:
        words = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(_SPACE, "always")]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(words)
    else:
        what = "is false beside remove_extra_whitespaces"
        raise vocabulary.refuse("add_space_prefix", what, "a space before each word, or all spaces kept")
    tokenizer.normalizer = normalizers.Sequence(steps)
    last = decoders.Metaspace(_SPACE, "always" if space_first else "never")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), last]) if bytes_fall else last
    return tokenizer


def _marked(token: str) -> str:
    return token.removeprefix(_SPACE) if token.startswith(_SPACE) else _GOES_ON + token


def _unknown(vocabulary: GgufVocabulary) -> int:
    """The token of what no other one spells."""
    if "unk_token" in vocabulary.special:
        return vocabulary.special["unk_token"]
    kinds = vocabulary.ids_of(UNKNOWN)
    if not kinds:
        raise vocabulary.refuse("unknown_token_id", "is missing", f"one, as kind {vocabulary.kind!r} has")
    return kinds[0]


def _characters(vocabulary: GgufVocabulary) -> list[Normalizer]:
    """What becomes of characters before a text is split: a table of SentencePiece's, where there is one."""
    from tokenizers import normalizers

    return [normalizers.Precompiled(vocabulary.charsmap)] if vocabulary.charsmap else []
