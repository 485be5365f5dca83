"""Free generation and a strict reader: the seed's way of asking, kept for comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rook_bench.language.manifest import Manifest
from rook_bench.language.runtime import load_torch
from rook_bench.language.scoring import CPU_TOKENS
from rook_bench.language.tokens import Encoder

SPARE_TOKENS = 8
"""Tokens beyond the longest answer training saw; what has not ended by then is no answer."""


class Generator:
    """Writes answers greedily, token by token, until the end token.

    Args:
        model: a causal language model on its device.
        encoder: its tokenizer with the answer format.
        manifest: what answers training saw, for the longest one.
    """

    def __init__(self, model: Any, encoder: Encoder, manifest: Manifest) -> None:
        self.torch, self.model, self.encoder = load_torch(), model, encoder
        from rook_bench.core import Side

        longest = max(
            (len(encoder.answer_ids(side, *values)[0]) for side in Side for values in manifest.values(side)), default=16
        )
        self.most = longest + SPARE_TOKENS + encoder.draft_length(manifest.draft)

    def __call__(self, prompts: Sequence[str], tick: Callable[[int], None] = lambda rows: None) -> list[str]:
        """The text after each prompt, as the tokenizer decodes it, its end token left out."""
        ids = self.encoder.prompts(prompts)
        out = [""] * len(ids)
        by_length: dict[int, list[int]] = {}
        for row, tokens in enumerate(ids):
            by_length.setdefault(len(tokens), []).append(row)
        for length, rows in sorted(by_length.items()):
            size = max(1, CPU_TOKENS // (length + self.most))
            for start in range(0, len(rows), size):
                batch = rows[start : start + size]
                for row, text in zip(batch, self._write([ids[row] for row in batch]), strict=True):
                    out[row] = text
                tick(len(batch))
        return out

    def _write(self, ids: list[list[int]]) -> list[str]:
        tokens = self.torch.tensor(ids, device=self.model.device)
        with self.torch.inference_mode():
            written = self.model.generate(
                input_ids=tokens,
                attention_mask=self.torch.ones_like(tokens),
                max_new_tokens=self.most,
                do_sample=False,
                pad_token_id=self.encoder.end,
                eos_token_id=self.encoder.end,
            )
        texts = []
        for row in written[:, tokens.shape[1] :].tolist():
            ended = row[: row.index(self.encoder.end)] if self.encoder.end in row else row
            texts.append(self.encoder.text_of(ended))
        return texts
