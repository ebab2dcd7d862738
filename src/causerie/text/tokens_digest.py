"""By what the tokenizers of two models are known to be the same, in a folder or in a GGUF file. Loads no tokenizer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from causerie.checkpoint.json_object import read_json_object
from causerie.errors import CheckpointError
from causerie.text.gguf.vocabulary import BYTE, NORMAL, read_vocabulary


@dataclass(frozen=True)
class TokensDigest:
    """The same of two tokenizers that have the same pieces under the same numbers, joined in the same order. What a
    model's makers added, as for tools, may differ."""

    pieces: bytes
    merges: bytes | None  # None where the order follows from scores, which not all files of one tokenizer have

    @staticmethod
    def of_folder(folder: Path) -> TokensDigest:
        """That of tokenizer.json. Raises CheckpointError where there is none."""
        path = folder / "tokenizer.json"
        file: Any = read_json_object(path)
        model, added = file.get("model"), file.get("added_tokens")
        vocab = model.get("vocab") if isinstance(model, dict) else None
        if not isinstance(vocab, dict) or not vocab:
            raise CheckpointError(f"{path} has no vocabulary. Download the file again.")
        names = {token.get("content") for token in added or () if isinstance(token, dict)}
        merges = [each.split(" ") if isinstance(each, str) else each for each in model.get("merges") or []]
        return _digest({piece: number for piece, number in vocab.items() if piece not in names}, merges)

    @staticmethod
    def of_metadata(metadata: Mapping[str, Any], file: str) -> TokensDigest:
        """That of the vocabulary of a GGUF file. Raises CheckpointError where there is none."""
        vocabulary = read_vocabulary(metadata, file)
        kinds = np.isin(vocabulary.types, (NORMAL, BYTE)).tolist()
        pieces = {
            piece: number
            for number, (piece, is_piece) in enumerate(zip(vocabulary.tokens, kinds, strict=True))
            if is_piece
        }
        return _digest(pieces, [each.split(" ") for each in vocabulary.merges])

    def alike(self, other: TokensDigest) -> bool:
        """Whether both are of the same tokenizer, as far as can be known."""
        joined = self.merges is None or other.merges is None or self.merges == other.merges
        return joined and self.pieces == other.pieces


def _digest(pieces: Mapping[str, int], merges: Sequence[Sequence[str]]) -> TokensDigest:
    return TokensDigest(_hash(sorted(pieces.items())), _hash(merges) if merges else None)


def _hash(value: Any) -> bytes:
    return hashlib.sha256(json.dumps(value).encode()).digest()
