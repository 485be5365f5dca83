"""Stage 2: labels with drafts, before the answer or after it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError, Side
from rook_bench.dataset.rules import Rules
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.drafts.file import SPLITS, read_drafts
from rook_bench.drafts.truth import Columns
from rook_bench.language.draft import Draft
from rook_bench.language.draft_scoring import DraftScorer, verdict_tokens
from rook_bench.language.manifest import LearnedFrom, Manifest
from rook_bench.language.template import Template
from rook_bench.language.tokens import Encoder
from rook_bench.market.view import MarketView
from rook_bench.training.ceiling import Ceiling
from rook_bench.training.data import TrainingData, check_made_of
from rook_bench.training.draft_worth import Asked, chosen, written
from rook_bench.training.examples import COPIED, PROMPT, VERDICT, Example, part_codes
from rook_bench.training.lesson import Imitation, Score
from rook_bench.training.settings import TrainSettings

BY_PART = (1.0, 0.3, 0.3, 0.3, 0.1, 0.3, 0.02)
"""Weight of side, size, slippage, deadline, end, verdicts and copied numbers in the loss.

With equal weights the side, a token of a dozen, has a tenth of the loss, and is learned worse than without a draft."""

MANY_TOKENS = 16
"""Tokens of a draft from which on it is spoken of: each costs a decision's time."""

WRITTEN = 200
"""Validation rows on which drafts are written freely, to see whether numbers are copied and verdicts true."""


class Drafts:
    """Drafts of a prepared folder's rows.

    Args:
        data: the prepared folder; rows of the train split, then those of validation.
        path: what `rook-bench teach` wrote for this very folder and template.

    Raises:
        InputError: where they don't belong together.
    """

    def __init__(self, data: TrainingData, path: str | Path, template: Template) -> None:
        if len(data.folders) > 1:
            hint = "train each folder by itself, or leave --drafts away"
            raise InputError("drafts are of one folder, and several are learned from", where=path, hint=hint)
        self.record, drafts = read_drafts(path)
        check_made_of(data, template, self.record.template, [self.record.splits], Path(path), "teach")
        of_split = {name: split_tape(data.folder, name) for name in SPLITS}
        offset = {"train": 0, "validation": of_split["train"].last - of_split["train"].first + 1}
        steps = len(self.record.draft.steps)
        self.levels = np.full((len(data.labels), steps), -1)
        """Level of each step on each row, shape (rows, steps); -1 on rows without a draft."""
        for name in SPLITS:
            for row, levels in drafts[name].items():
                self.levels[offset[name] + row] = levels
        self.rules = Rules.parse(self.record.rules, where=path)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Rows with a draft, shape (rows,)."""
        return np.asarray((self.levels >= 0).all(axis=1))


class Drafted(Imitation):
    """Labels with drafts.

    Args:
        data, chosen, val, settings, template, ceiling: as for `Imitation`; every chosen row has a draft.
        drafts: of the rows.
        parent: the record of an adapter that training goes on from, with its hash; none by default.
    """

    def __init__(
        self,
        data: TrainingData,
        chosen: NDArray[np.intp],
        val: NDArray[np.intp],
        settings: TrainSettings,
        template: Template,
        ceiling: Ceiling,
        drafts: Drafts,
        parent: tuple[Manifest, str] | None = None,
    ) -> None:
        super().__init__(data, chosen, val, settings, template, ceiling)
        self.drafts, self.parent = drafts, parent
        self.draft: Draft = drafts.record.draft
        self.identity |= {"drafts": drafts.record.file, "parent": parent[1] if parent else None}
        known = [data.learned_from, drafts.record.learned_from]
        before = parent[0].learned_from if parent else None
        whole = parent is None or parent[0].lessons_known
        self.record |= {
            "draft": self.draft,
            "learned_from": LearnedFrom.union([*known, *([before] if before else [])]) if whole else None,
        }

    def describe(self, encoder: Encoder) -> list[str]:
        """What a person should know before training starts."""
        record = self.drafts.record
        length = self._length(encoder)
        lines = [
            f"drafts {self.draft.order} the answer, by {record.teacher['name']}, {record.kept:.1%} of those asked for; "
            f"{length:.0f} tokens each"
        ]
        if length > MANY_TOKENS:
            lines.append(f"warning: a draft of {length:.0f} tokens: take words that are one token of this base")
        if self.draft.order == "after":
            lines.append("note: a draft after the answer explains it and is not its cause")
        return lines

    def examples(self, encoder: Encoder, score: Score) -> tuple[list[Example], list[Example]]:
        """The labelled answers with their drafts; on validation, of the rows that have one."""
        del score
        verdict_tokens(encoder, self.draft)
        val = self.val[self.drafts.known[self.val]]
        return self._examples(self.chosen, encoder, self.weights[0]), self._examples(val, encoder, [1.0, 1.0, 1.0])

    def _examples(self, rows: NDArray[np.intp], encoder: Encoder, weights: Sequence[float]) -> list[Example]:
        out: list[Example] = []
        prompts = encoder.prompts([self.data.prompts.texts[row] for row in rows])
        for row, prompt in zip(rows, prompts, strict=True):
            label = self.data.labels[row]
            answer, parts = encoder.answer_ids(label.side, label.size, label.slippage_bps, label.deadline_s)
            written, kinds = encoder.draft_ids(self.draft, self._shown(row), self.drafts.levels[row].tolist())
            marks = [VERDICT if kind == "verdict" else COPIED for kind in kinds]
            codes = part_codes(parts)
            if self.draft.order == "before":
                ids, codes = [*written, *answer], [*marks, *codes]
            else:  # the end token comes last
                ids, codes = [*answer[:-1], *written, answer[-1]], [*codes[:-1], *marks, codes[-1]]
            out.append(
                {
                    "input_ids": prompt + ids,
                    "parts": [PROMPT] * len(prompt) + codes,
                    "weight": weights[label.side],
                }
            )
        return out

    def loss(self, model: Any, batch: dict[str, Any]) -> tuple[Any, Any, Any]:
        """Cross-entropy of answer and draft, weighed by part and side."""
        from rook_bench.training.loss import completion_loss

        return completion_loss(model, batch, BY_PART)

    def finish(self, score: Score, manifest: Manifest) -> tuple[Manifest, dict[str, Any]]:
        """The temperature, fitted on validation, and what drafts are worth there."""
        done, facts = super().finish(score, manifest)
        record = self.drafts.record
        facts |= {
            "stage": "draft",
            "drafts": {
                "file": record.file,
                "order": self.draft.order,
                "teacher": record.teacher,
                "kept": record.kept,
                "refused": record.refused,
                "steps": [step.show for step in self.draft.steps],
            },
        }
        if self.parent is not None:
            told, identity = self.parent
            facts["parent"] = {"adapter": identity, "stage": told.training.get("stage", "sft")}
        return done, facts

    def further(self, model: Any, encoder: Encoder, manifest: Manifest) -> dict[str, Any]:
        """What drafts are: true to their rows, to their answers, and the answers' cause or not, on validation rows."""
        rows = self.val[self.drafts.known[self.val]]
        texts = [self.data.prompts.texts[row] for row in rows]
        found: dict[str, Any] = {"rows": len(rows), "tokens": self._length(encoder)}
        found["written"] = written(model, encoder, manifest, texts[:WRITTEN], self.drafts.levels[rows[:WRITTEN]])
        if self.draft.order == "before":
            view = MarketView.whole(self.data.frames[0])
            asked = Asked(texts, self.drafts.levels[rows], Columns.of(view, rows), view.at_index[rows])
            found |= chosen(DraftScorer(model, encoder, manifest), asked, self.drafts.rules)
        return {"draft_worth": found}

    def _example(self) -> str:
        row = next((row for row in self.chosen if self.data.side[row] != Side.HOLD), self.chosen[0])
        label = self.data.labels[row]
        answer = self.template.answer.pieces(label.side, label.size, label.slippage_bps, label.deadline_s)
        written = self.draft.write(self._shown(row), self.drafts.levels[row].tolist())
        said = "".join(text for _, text in answer)
        return self.data.prompts.texts[row] + (written + said if self.draft.order == "before" else said + written)

    def _shown(self, row: int) -> list[str]:
        fields = self.template.fields_of(self.data.prompts.texts[row])
        return [fields[step.show] for step in self.draft.steps]

    def _length(self, encoder: Encoder) -> float:
        """Mean tokens of a draft."""
        rows = self.chosen[:WRITTEN]
        lengths = [
            len(encoder.draft_ids(self.draft, self._shown(row), self.drafts.levels[row].tolist())[0]) for row in rows
        ]
        return float(np.mean(lengths))
