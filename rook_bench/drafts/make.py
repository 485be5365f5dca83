"""From a prepared folder to drafts of its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rook_bench.core import ConfigError, InputError, Side
from rook_bench.dataset.rules import Rules
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.drafts.file import SPLITS, DraftsRecord, check_place, write_drafts
from rook_bench.drafts.question import question_of
from rook_bench.drafts.row import DraftRow, Form
from rook_bench.drafts.teacher import Asked, Teacher
from rook_bench.drafts.truth import Turned, true_levels, turned
from rook_bench.drafts.verify import why_refused
from rook_bench.language.draft import Draft
from rook_bench.language.manifest import LearnedFrom
from rook_bench.language.template import Template
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketView

EXAMPLES = 3
"""True lines of other rows that a teacher is shown."""

DEFAULT_DETAILS = (0.05, 50.0, 300.0)
"""Size, slippage and deadline of a side that no label has."""

Tick = Callable[[str, int, int], None]
"""Hears the split, how many rows are done, and of how many."""


@dataclass(frozen=True)
class Made:
    """What `make_drafts` wrote.

    Attributes:
        file: the drafts; record: beside them.
        example: prompt and completion of a trade.
    """

    file: Path
    record: DraftsRecord
    example: str

    def describe(self) -> list[str]:
        """What a person should know before a model learns from them."""
        record = self.record
        kept, asked = (sum(split[word] for split in record.splits.values()) for word in ("kept", "asked"))
        lines = [
            ", ".join(f"{one['kept']:,} of {one['asked']:,} {name} rows" for name, one in record.splits.items())
            + f" have a draft that is true ({record.kept:.1%})"
        ]
        if record.refused:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in record.refused.items())
            lines.append(f"not kept: {asked - kept:,} ({reasons})")
        lines.append(f"for example:{self.example}")
        return lines


@dataclass(frozen=True, eq=False)
class _Split:
    """One split's rows, and what is true of them."""

    name: str
    frame: SwapFrame
    view: MarketView
    prompts: Sequence[str]
    side: list[Side]
    levels: NDArray[np.int64]
    turned: Turned
    rows: NDArray[np.intp]


def make_drafts(
    data_dir: str | Path,
    out: str | Path,
    template: Template,
    teacher: Teacher,
    rules: Rules,
    *,
    order: str | None = None,
    form: Form = "prompt-completion",
    rows: int | None = None,
    seed: int = 0,
    tick: Tick = lambda split, done, of: None,
) -> Made:
    """Have drafts of the train and validation rows of a prepared folder written, and keep those that are true.

    Args:
        data_dir: what `data prepare` wrote, with exact tapes of its splits.
        out: the file; its record lies beside it.
        template: the prompt, whose `draft` is the grammar.
        teacher: who writes; rules: thresholds behind the verdicts.
        order: "before" or "after" the answer; by default as the template says.
        form: of the file.
        rows: how many rows of each split are asked about, drawn at random; all by default.
        seed: of that draw.
        tick: hears of progress.

    Raises:
        InputError, ConfigError: for a folder without split tapes, a template without a draft, rules that did not make
            the labels.
    """
    draft = _grammar(template, order)
    check_place(Path(out))
    listed = {name: split_tape(Path(data_dir), name) for name in SPLITS}
    rng = np.random.default_rng(seed)
    splits = [_split(name, one.read(), template, draft, rules, rows, rng) for name, one in listed.items()]
    writing = _Writing(template, draft, rules, teacher, _details([split.frame for split in splits]))
    refused: Counter[str] = Counter()
    kept = {split.name: list(writing.kept(split, refused, tick)) for split in splits}
    if not kept["train"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in refused.items())
        raise InputError(f"no draft of a train row is true ({reasons})", where=data_dir, hint=_hint(refused, teacher))
    record = DraftsRecord(
        form=form,
        template=template.sha256,
        draft=draft,
        teacher={"name": teacher.name, **teacher.facts},
        rules=rules.model_dump(mode="json"),
        splits={
            split.name: {
                "data_hash": listed[split.name].data_hash,
                "asked": len(split.rows),
                "kept": len(kept[split.name]),
            }
            for split in splits
        },
        refused=dict(refused),
        learned_from=LearnedFrom.union([LearnedFrom.of(split.frame) for split in splits]),
    )
    everything = [row for name in SPLITS for row in kept[name]]
    record = write_drafts(everything, record, Path(out))
    shown = next((row for row in everything if row.label != "HOLD"), everything[0])
    return Made(Path(out), record, shown.prompt + shown.completion)


def _grammar(template: Template, order: str | None) -> Draft:
    if template.draft is None:
        what = f"template {template.name} has no [draft], the grammar that drafts are written in"
        raise ConfigError(what, where="--template", hint="take codes or numbers, or add the table to yours")
    if order is None:
        return template.draft
    if order not in ("before", "after"):
        raise ConfigError(f"'{order}' is no order of a draft", where="--order", hint="before or after the answer")
    return template.draft.model_copy(update={"order": order})


def _split(
    name: str,
    frame: SwapFrame,
    template: Template,
    draft: Draft,
    rules: Rules,
    most: int | None,
    rng: np.random.Generator,
) -> _Split:
    view = MarketView.whole(frame)
    prompts = template.render(view)
    levels = true_levels(draft, rules, view)
    usable = np.flatnonzero(prompts.defined & (levels >= 0).all(axis=1))
    rows = usable if most is None or most >= len(usable) else np.sort(rng.choice(usable, size=most, replace=False))
    side = [Side[word] for word in frame.labels["label_side"].astype(str)]
    deciding = turned(draft, rules, np.maximum(levels, 0), view, frame.at_index)
    return _Split(name, frame, view, prompts.texts, side, levels, deciding, rows)


@dataclass(frozen=True)
class _Writing:
    """How drafts of a folder are written.

    Attributes:
        template, draft: the prompt and the grammar; rules: behind the verdicts; teacher: who writes.
        details: size, slippage and deadline of a side that no row has.
    """

    template: Template
    draft: Draft
    rules: Rules
    teacher: Teacher
    details: dict[Side, tuple[float, float, float]]

    def kept(self, split: _Split, refused: Counter[str], tick: Tick) -> Iterator[DraftRow]:
        """The drafts of a split that are true; `refused` counts why others are not."""
        fields = [step.show for step in self.draft.steps]
        shown = {
            int(row): [self.template.fields_of(split.prompts[row])[field] for field in fields] for row in split.rows
        }
        words = self.template.answer.side
        truth = {
            row: self.draft.write(texts, split.levels[row].tolist()) + words[Side(int(split.turned.chosen[row]))]
            for row, texts in shown.items()
        }
        questions = self._questions(split, shown, truth) if self.teacher.reads else {}
        asked = [Asked(truth[row], questions.get(row, "")) for row in shown]
        for done, (row, written) in enumerate(zip(shown, self.teacher.write(asked), strict=True)):
            tick(split.name, done + 1, len(asked))
            levels = split.levels[row].tolist()
            reason = why_refused(written, self.draft, self.template.answer, shown[row], levels, split.side[row])
            if reason is None:
                yield self._row(split, row, shown[row], levels)
            else:
                refused[reason] += 1

    def _row(self, split: _Split, row: int, shown: list[str], levels: list[int]) -> DraftRow:
        labels, side = split.frame.labels, split.side[row]
        own = tuple(float(labels[f"label_{name}"][row]) for name in ("size", "slippage_bps", "deadline_s"))
        return DraftRow(
            split=split.name,
            row=row,
            at=pd.Timestamp(split.frame.at[row], tz="UTC").isoformat(),
            prompt=split.prompts[row],
            fields=tuple(step.show for step in self.draft.steps),
            shown=tuple(shown),
            levels=tuple(levels),
            verdicts=tuple(step.words[level] for step, level in zip(self.draft.steps, levels, strict=True)),
            completion=self._completion(shown, levels, side, own),
            label=side.name,
            rule=str(labels["label_rule"][row]) if "label_rule" in labels else "",
            teacher=self.teacher.name,
            wrong=self._wrong(split, row, shown),
        )

    def _completion(self, shown: Sequence[str], levels: Sequence[int], side: Side, details: tuple[float, ...]) -> str:
        said = "".join(text for _, text in self.template.answer.pieces(side, *details))
        written = self.draft.write(shown, levels)
        return written + said if self.draft.order == "before" else said + written

    def _wrong(self, split: _Split, row: int, shown: Sequence[str]) -> str:
        """The draft with its deciding verdict turned and the side that follows; where none decides, another side."""
        levels, side = split.levels[row].tolist(), Side(int(split.turned.side[row]))
        if split.turned.step[row] >= 0:
            levels[split.turned.step[row]] = int(split.turned.level[row])
        if side == split.side[row]:
            side = Side.SELL if side == Side.BUY else Side.BUY
        return self._completion(shown, levels, side, self.details[side])

    def _questions(self, split: _Split, shown: dict[int, list[str]], truth: dict[int, str]) -> dict[int, str]:
        """What a teacher that is a language model is asked about each row."""
        words = self.template.answer.side
        # Trades first, for there are fewer; never the row itself.
        best = sorted(truth, key=lambda row: split.side[row] == Side.HOLD)[: EXAMPLES + 1]
        features = [question.feature for step in self.draft.steps for question in step.questions]
        out = {}
        for row, texts in shown.items():
            examples = [truth[other] for other in best if other != row][:EXAMPLES]
            exact = {name: float(split.view[name][row]) for name in features}
            out[row] = question_of(self.draft, self.rules, texts, exact, words[split.side[row]], examples)
        return out


def _details(frames: Sequence[SwapFrame]) -> dict[Side, tuple[float, float, float]]:
    """The commonest size, slippage and deadline of each side's labels."""
    seen: Counter[tuple[str, float, float, float]] = Counter()
    for frame in frames:
        columns = (frame.labels[f"label_{name}"].tolist() for name in ("side", "size", "slippage_bps", "deadline_s"))
        seen.update(zip(*columns, strict=True))
    found = {}
    for side in Side:
        own = [(count, values) for (name, *values), count in seen.items() if name == side.name]
        size, slippage_bps, deadline_s = max(own)[1] if own else DEFAULT_DETAILS
        found[side] = (size, slippage_bps, deadline_s)
    return found


def _hint(refused: Counter[str], teacher: Teacher) -> str:
    if refused.most_common(1)[0][0] == "another side" and teacher.name == "rules":
        return "give the rules that labelled this folder"
    return "take a teacher that keeps to the grammar, or rules:FILE"
