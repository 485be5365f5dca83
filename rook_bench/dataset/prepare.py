"""`data prepare`: features, conditions, labels and splits, in the layout that ROOK published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES, InputError
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.files import whole_folder, write_json
from rook_bench.dataset.csv_file import write_csv
from rook_bench.dataset.fit_rules import RuleFit
from rook_bench.dataset.rule_cautions import rule_cautions
from rook_bench.dataset.rules import Rules, apply_rules
from rook_bench.dataset.split_tapes import with_labels, with_past, write_split_tapes
from rook_bench.dataset.splits import ROOK_PLAN, Scaler, SplitPlan, Splits, split_rows
from rook_bench.market.features import CORE_COLUMNS, CORE_FEATURES, compute_conditions, compute_features
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool

ROOK_LEAKS = {
    "normalization": "the scaler is fitted on the whole file, test rows included",
    "conditions": "one condition row, computed at the end of the file, is given to every earlier row",
    "windows": "windows overlap across the split borders: no purge, no embargo",
    "column_order": "window columns are named feature by feature, the values run step by step",
}
"""What `--compat rook` reproduces on purpose, so that old numbers can be compared."""


@dataclass(frozen=True)
class Prepared:
    """What was written, for the command line to say."""

    folder: Path
    sides: dict[str, int]
    rules: dict[str, int]
    splits: dict[str, int]
    leaks: dict[str, str]
    cautions: list[str]
    applied: Rules


def prepare(
    frame: SwapFrame,
    rules: Rules | RuleFit,
    folder: str | Path,
    *,
    plan: SplitPlan | None = None,
    windows: bool = False,
    compat_rook: bool = False,
) -> Prepared:
    """Write features, conditions and labels as ROOK's CSV files, and the splits as exact tapes.

    The files are core_features.csv, core_conditions.csv, labeled_dataset.csv, train.parquet, val.parquet,
    test.parquet, where they lie in the tape (splits.json), metadata.json and normalization.json.

    Args:
        frame: the swaps; they need amounts and ticks, as core_features.csv has those columns.
        rules: what labels the rows, or how to fit them to the training rows; what was fitted is in rules.json.
        folder: written whole, or not at all.
        plan: window length, shares, purge and embargo; ROOK's own with `compat_rook`.
        windows: write ROOK's train.csv, val.csv and test.csv too: standardised windows of 203 columns, some
            seventy times the size of the tape. `compat_rook` always writes them.
        compat_rook: reproduce the published files, their leaks included (see ROOK_LEAKS).

    Prices are raw (quote units per base unit) and amounts carry the swapper's sign, as published.
    """
    plan = plan or (ROOK_PLAN if compat_rook else SplitPlan())
    folder = Path(folder)
    features = compute_features(frame)
    splits = split_rows(len(frame), plan, at=frame.at, where=frame.source)
    fitted = isinstance(rules, RuleFit)
    if isinstance(rules, RuleFit):
        rules = rules.fit(features, splits.train, where=frame.source)
    labels = apply_rules(rules, features, frame.at_index)
    conditions = _published_units(compute_conditions(frame, features), frame)
    if compat_rook:
        conditions = conditions.tail(1)
    core = _core_table(frame, features)
    labeled = _labeled_table(core, labels)
    leaks = ROOK_LEAKS if compat_rook else {}

    values = np.nan_to_num(labeled[list(CORE_FEATURES)].to_numpy(dtype=np.float64))
    context = np.broadcast_to(conditions.to_numpy(dtype=np.float64), (len(frame), conditions.shape[1]))
    seen = np.arange(len(frame)) if compat_rook else np.arange(splits.train[-1] + 1)
    scaler, condition_scaler = Scaler.fit(values[seen]), Scaler.fit(context[seen])
    scaled, scaled_context = scaler.transform(values), condition_scaler.transform(context)

    with whole_folder(folder) as aside:
        write_csv(core, aside / "core_features.csv")
        stamp = core["timestamp"].tail(len(conditions)).to_numpy()
        write_csv(conditions.assign(timestamp=stamp), aside / "core_conditions.csv")
        write_csv(labeled, aside / "labeled_dataset.csv")
        write_split_tapes(frame, features, labels, splits, aside)
        for name, rows in splits.items() if windows or compat_rook else ():
            table = _window_table(scaled, scaled_context, list(conditions.columns), labeled, rows, plan, compat_rook)
            write_csv(table, aside / f"{name}.csv")
        write_json(aside / "normalization.json", _normalization(scaler, condition_scaler))
        write_json(aside / "metadata.json", _metadata(frame, plan, splits, list(conditions.columns), leaks))
        (aside / "labeling_stats.txt").write_text(_labeling_stats(labels), encoding="utf-8")
        (aside / "feature_info.txt").write_text(_feature_info(core, conditions), encoding="utf-8")
        if fitted:
            write_json(aside / "rules.json", rules.model_dump())
        if leaks:
            write_json(aside / "leaks.json", leaks)
    counts = pd.Series(labels.reason[:]).value_counts()
    return Prepared(
        folder,
        labels.counts(),
        {str(name): int(count) for name, count in counts.items()},
        {n: len(r) for n, r in splits.items()},
        leaks,
        rule_cautions(rules, features, labels, splits),
        rules,
    )


def held_out(frame: SwapFrame, rules: Rules, plan: SplitPlan | None = None) -> SwapFrame:
    """The swaps of the test split, exact, with their labels and with features that knew the rows before them."""
    labels = apply_rules(rules, compute_features(frame), frame.at_index)
    rows = split_rows(len(frame), plan or SplitPlan(), at=frame.at, where=frame.source).test
    return with_past(with_labels(frame, labels), rows)


def _raw_factor(pool: Pool) -> float:
    """From quote per base in human units to ROOK's raw price (quote units per base unit)."""
    return 10.0 ** (pool.quote.decimals - pool.base.decimals)


def _core_table(frame: SwapFrame, features: pd.DataFrame) -> pd.DataFrame:
    if frame.amount0 is None or frame.amount1 is None or frame.tick is None:
        raise InputError("the log has no amounts or ticks, which core_features.csv needs", where=frame.source)
    base, quote = (frame.amount0, frame.amount1) if frame.pool.base_is_token0 else (frame.amount1, frame.amount0)
    table = features.assign(
        timestamp=frame.at_index.tz_localize(None).strftime("%Y-%m-%d %H:%M:%S"),
        price=features["price"] * _raw_factor(frame.pool),
        amount0_eth=-base.to_floats(frame.pool.base.unit),
        amount1_usdc=-quote.to_floats(frame.pool.quote.unit),
        tick_change=features["tick_change"].astype(np.int64),
        tick=frame.tick,
        liquidity=np.array(list(frame.liquidity), dtype=object),
    )
    return table[list(CORE_COLUMNS)]


def _published_units(conditions: pd.DataFrame, frame: SwapFrame) -> pd.DataFrame:
    """Conditions with raw prices and whole numbers, as core_conditions.csv has them."""
    priced = [
        name for name in conditions.columns if name.startswith(("avg_price", "price_volatility", "current_price"))
    ]
    table = conditions.fillna(0.0)  # one row has no sample deviation; ROOK's dataset step makes that 0.0
    table[priced] *= _raw_factor(frame.pool)
    return table.assign(
        total_transactions=table["total_transactions"].astype(np.int64),
        current_liquidity=np.array(list(frame.liquidity), dtype=object),
    )


def _labeled_table(core: pd.DataFrame, labels: DecisionTape) -> pd.DataFrame:
    names = np.array(SIDE_NAMES, dtype=object)
    head = pd.DataFrame(
        {
            "timestamp": core["timestamp"],
            "side": names[labels.side],
            "size": labels.size,
            "slippage_bps": _whole(labels.slippage_bps),
            "deadline_s": _whole(labels.deadline_s),
            "confidence": labels.confidence,
            "rule_triggered": labels.reason[:],
        }
    )
    return pd.concat([head, core[list(CORE_FEATURES)]], axis=1)


def _whole(values: NDArray[np.float64]) -> NDArray[Any]:
    """Integers where every value is one, as the published files print them."""
    return values.astype(np.int64) if (values == np.round(values)).all() else values


def _window_table(
    scaled: NDArray[np.float64],
    context: NDArray[np.float64],
    condition_names: list[str],
    labeled: pd.DataFrame,
    rows: NDArray[np.intp],
    plan: SplitPlan,
    step_by_step: bool,
) -> pd.DataFrame:
    windows = sliding_window_view(scaled, plan.seq_len, axis=0)[rows - plan.seq_len + 1]  # (rows, features, steps)
    ordered = windows.transpose(0, 2, 1) if step_by_step else windows
    columns = [f"{name}_{step}" for name in CORE_FEATURES for step in range(plan.seq_len)]
    picked = labeled.iloc[rows].reset_index(drop=True)
    targets = pd.DataFrame(
        {
            "side": picked["side"].map({name: code for code, name in enumerate(SIDE_NAMES)}),
            "side_raw": picked["side"],
            "size": picked["size"],
            "slippage_bps": picked["slippage_bps"],
            "deadline_s": picked["deadline_s"],
            "timestamp": picked["timestamp"],
        }
    )
    flat = pd.DataFrame(ordered.reshape(len(rows), -1), columns=columns)
    return pd.concat([flat, pd.DataFrame(context[rows], columns=condition_names), targets], axis=1)


def _normalization(core: Scaler, conditions: Scaler) -> dict[str, list[float]]:
    return {
        "core_scaler_mean": core.mean.tolist(),
        "core_scaler_scale": core.scale.tolist(),
        "conditions_scaler_mean": conditions.mean.tolist(),
        "conditions_scaler_scale": conditions.scale.tolist(),
    }


def _metadata(
    frame: SwapFrame, plan: SplitPlan, splits: Splits, conditions: list[str], leaks: dict[str, str]
) -> dict[str, Any]:
    published = {
        "seq_len": plan.seq_len,
        "n_core_features": len(CORE_FEATURES),
        "n_condition_features": len(conditions),
        "core_feature_names": list(CORE_FEATURES),
        "condition_feature_names": conditions,
        "side_classes": list(SIDE_NAMES),
        "splits": {f"{name}_size": len(rows) for name, rows in splits.items()},
    }
    if leaks:
        return published
    return published | {
        "purge": plan.purge,
        "embargo": plan.embargo,
        "scaler_fitted_on": "train",
        "pool": frame.pool.model_dump(),
        "data_hash": frame.data_hash,
    }


def _labeling_stats(labels: DecisionTape) -> str:
    total = len(labels)
    lines = ["Heuristic Labeling Statistics", "============================", "", "Action Distribution:"]
    names = pd.Series(np.array(SIDE_NAMES, dtype=object)[labels.side])
    for title, values in (("", names), ("Rule Trigger Distribution:", pd.Series(labels.reason[:]))):
        if title:
            lines += ["", title]
        lines += [f"  {name}: {count} ({count / total * 100:.1f}%)" for name, count in values.value_counts().items()]
    traded = labels.size[labels.size > 0]
    for title, column in (
        ("Confidence Statistics:", labels.confidence),
        ("Position Sizing (Non-HOLD actions):", traded),
    ):
        if len(column) > 1:
            word = "" if title.startswith("Confidence") else " size"
            facts = {"Mean": column.mean(), "Std": column.std(ddof=1), "Min": column.min(), "Max": column.max()}
            lines += ["", title, *(f"  {name}{word}: {value:.3f}" for name, value in facts.items())]
    return "\n".join(lines) + "\n"


def _feature_info(core: pd.DataFrame, conditions: pd.DataFrame) -> str:
    condition_names = [*conditions.columns, "timestamp"]
    lines = ["Feature Pipeline Output", "======================", ""]
    lines += [f"Core features: {len(core)} rows, {core.shape[1]} columns"]
    lines += [f"Conditions: {len(conditions)} rows, {len(condition_names)} columns", "", "Core feature columns:"]
    lines += [f"  - {name}" for name in core.columns]
    lines += ["", "Condition columns:", *(f"  - {name}" for name in condition_names)]
    return "\n".join(lines) + "\n"
