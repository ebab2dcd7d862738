"""Merges that follow from the scores of a SentencePiece vocabulary.

SentencePiece joins, of all neighbours that make a token, those whose token has the highest score. That is what merges
do whose order is that of the scores, each token with every pair of tokens that it can be made of. Of pairs that make
the same token the one with the longer beginning comes first, as in the tokenizer.json of these models.
"""

from __future__ import annotations

from causerie.text.gguf.vocabulary import BYTE, CONTROL, UNKNOWN, GgufVocabulary


def merges_of_scores(vocabulary: GgufVocabulary) -> list[tuple[str, str]]:
    """All pairs of tokens that make a token, in the order in which they are joined. Tokens that text cannot become
    (control tokens, bytes) are no part of it. CheckpointError without scores."""
    if vocabulary.scores is None:
        raise vocabulary.refuse("scores", "is missing", "a score for each token, as kind 'llama' has")
    apart = set(vocabulary.ids_of(CONTROL, UNKNOWN, BYTE))
    scores = vocabulary.scores.tolist()
    score_of = {token: scores[index] for index, token in enumerate(vocabulary.tokens) if index not in apart}
    pairs = []
    for token, score in score_of.items():
        for border in range(len(token) - 1, 0, -1):
            if token[:border] in score_of and token[border:] in score_of:
                pairs.append((-score, -border, border - len(token), token))
    pairs.sort(key=lambda pair: pair[:3])
    return [(token[:-negative], token[-negative:]) for _, negative, _, token in pairs]
