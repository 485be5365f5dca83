"""`data prepare --walk-forward` and `--purged`: a prepared folder for every fold, and the tape they are judged on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rook_bench.core import SIDE_NAMES
from rook_bench.core.decision_tape import DecisionTape, is_trade
from rook_bench.core.files import whole_folder, write_json
from rook_bench.dataset.fit_rules import RuleFit
from rook_bench.dataset.folds import FoldPlan, Folds, cut
from rook_bench.dataset.rule_cautions import rule_cautions
from rook_bench.dataset.rules import Rules, apply_rules
from rook_bench.dataset.split_tapes import with_features, with_labels, write_parts
from rook_bench.dataset.splits import Splits
from rook_bench.market.features import LOOKBACK, compute_features
from rook_bench.market.frame import SwapFrame
from rook_bench.market.tape_file import write_tape

TAPE = "test.parquet"
"""The tape that all folds are judged on, each on its own stretches."""


@dataclass(frozen=True)
class PreparedFolds:
    """What was written, for the command line to say.

    Attributes:
        folder: where; folds: the record.
        splits: rows by split of each fold; trades: the share of its training rows that is labelled BUY or SELL.
        cautions: of each fold.
        near: swaps left out around what is judged, where these are fewer than features look back over; else None.
    """

    folder: Path
    folds: Folds
    splits: list[dict[str, int]]
    trades: list[float]
    cautions: list[list[str]]
    near: int | None


def prepare_folds(
    frame: SwapFrame,
    rules: Rules | RuleFit,
    folder: str | Path,
    plan: FoldPlan,
    *,
    tick: Callable[[str], None] = lambda what: None,
) -> PreparedFolds:
    """Write `fold-1`, `fold-2`, ... with the splits of each as exact tapes, and test.parquet: all that is judged.

    Rules that are fitted are fitted to each fold's own training rows; in test.parquet a stretch has the labels of the
    fold that decides on it on the first path.

    Args:
        frame: the swaps.
        rules: what labels the rows, or how to fit them.
        folder: written whole, or not at all.
        plan: how the tape is cut.
        tick: hears what is being done.

    Raises:
        InputError: for a tape too short for the folds, or on which rules can't be fitted.
    """
    made = cut(frame, plan)
    features = compute_features(frame)
    remembered = with_features(frame, features)
    splits, trades, cautions = [], [], []
    labels, judged = None, dict[int, DecisionTape]()
    with whole_folder(folder) as aside:
        for number, (name, rows) in enumerate(zip(made.folds.names, made.splits, strict=True)):
            tick(name)
            own, fitted = rules, isinstance(rules, RuleFit)
            if isinstance(own, RuleFit):
                own = own.fit(features, rows.train, where=f"{name} of {frame.source}")
            if labels is None or fitted:
                labels = apply_rules(own, features, frame.at_index)
            for place, fold in enumerate(made.folds.paths[0]):
                if fold == number:
                    stretch = made.folds.stretches[place]
                    judged[place] = labels.rows(slice(stretch.first, stretch.last + 1))
            inside = aside / name
            inside.mkdir()
            write_parts(with_labels(remembered, labels), rows, inside, frame)
            write_json(inside / "metadata.json", _metadata(frame, plan, rows, name))
            if fitted:
                write_json(inside / "rules.json", own.model_dump())
            splits.append({split: len(members) for split, members in rows.items()})
            trades.append(float(is_trade(labels.side[rows.train]).mean()))
            cautions.append(rule_cautions(own, features, labels, rows))
        tick(TAPE)
        _write_judged(remembered, made.folds, [judged[place] for place in sorted(judged)], aside / TAPE)
        made.folds.save(aside)
    apart = plan.split.purge + plan.split.embargo
    return PreparedFolds(Path(folder), made.folds, splits, trades, cautions, apart if apart < LOOKBACK else None)


def _write_judged(remembered: SwapFrame, folds: Folds, labels: list[DecisionTape], path: Path) -> None:
    """All stretches, each with the labels of the fold that decides on it."""
    first, last = folds.stretches[0].first, folds.stretches[-1].last
    judged = with_labels(remembered[first : last + 1], DecisionTape.concat(labels))
    note = f"swaps {first + 1:,} to {last + 1:,} of {len(remembered):,} (judged in {len(labels)} stretches)"
    write_tape(replace(judged, notes=(*remembered.notes, note)), path)


def _metadata(frame: SwapFrame, plan: FoldPlan, splits: Splits, name: str) -> dict[str, object]:
    return {
        "seq_len": plan.split.seq_len,
        "side_classes": list(SIDE_NAMES),
        "splits": {f"{split}_size": len(rows) for split, rows in splits.items()},
        "purge": plan.split.purge,
        "embargo": plan.split.embargo,
        "pool": frame.pool.model_dump(),
        "data_hash": frame.data_hash,
        "fold": name,
    }
