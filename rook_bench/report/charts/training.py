"""How a training run went: loss by part, and how well the validation labels were met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from rook_bench.report.charts.canvas import BUY_COLOUR, INK, SELL_COLOUR, SOFT_INK, Picture, blank, end_labels, style

_PARTS = {
    "side": INK,
    "size": "#0072B2",
    "slippage": "#CC79A7",
    "deadline": "#E69F00",
    "end": "#9AA3AD",
    "verdicts": "#56B4E9",
    "copies": "#B8860B",
}
_SCORES = {
    "macro_f1": ("macro-F1", INK, 2.2),
    "recall_buy": ("recall BUY", BUY_COLOUR, 1.4),
    "recall_sell": ("recall SELL", SELL_COLOUR, 1.4),
    "recall_hold": ("recall HOLD", "#9AA3AD", 1.4),
}


def draw_training(history: Sequence[Mapping[str, Any]], facts: Mapping[str, Any], name: str) -> bytes:
    """training.png, from the lines of metrics.jsonl and the facts of the adapter's record."""
    epochs = [entry for entry in history if "eval_nll" in entry]
    with style():
        if facts["stage"] == "rl":
            return _policy(epochs, facts, name).to_png()
        return _picture(epochs, facts["ceiling"], name).to_png()


def _policy(epochs: Sequence[Mapping[str, Any]], facts: Mapping[str, Any], name: str) -> Picture:
    best = min(epochs, key=lambda entry: entry["eval_nll"])
    earned = best.get("eval_reward_bps")
    title = f"{name}: trades on {best['eval_trade_share']:.1%} of the validation rows" + (
        "" if earned is None else f", {earned:+.1f} bps each after every cost"
    )
    note = (
        f"Left: what is learned, the {facts['objective']} objective, thick on validation, thin and dashed on train. "
        f"Right: share of validation rows with a trade. Mark-outs follow the critic's forecasts at "
        f"{facts['critic']['slope']:.2f} ± {facts['critic']['slope_se']:.2f}."
    )
    figure = blank(title, note)
    left, right = figure.subplots(1, 2)
    _losses(left, epochs)
    left.set_ylabel("loss, nats")
    shares = _column(epochs, "eval_trade_share") or []
    right.plot([entry["epoch"] for entry in epochs], shares, color=INK, linewidth=2.2, marker="o", markersize=3.5)
    right.set_ylim(0, max(0.01, *shares) * 1.1)
    right.set_ylabel("share of rows with a trade")
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.axvline(best["epoch"], color=SOFT_INK, linewidth=0.8, linestyle=":")
    return Picture("training", "Training", title, note, figure)


def _picture(epochs: Sequence[Mapping[str, Any]], ceiling: Mapping[str, float], name: str) -> Picture:
    best = min(epochs, key=lambda entry: entry["eval_nll"])
    title = (
        f"{name}: validation macro-F1 {best['eval_macro_f1']:.3f} after {best['epoch']:.3g} "
        f"{'epoch' if best['epoch'] == 1 else 'epochs'}; the prompt's ceiling is {ceiling['boosted']:.3f}"
    )
    note = (
        "Left: cross-entropy per answer token, thick on validation, thin and dashed on train (with dropout, so it "
        f"may lie higher). Right: validation split. Ceiling: boosted trees on the prompt's numbers; majority "
        f"{ceiling['majority']:.3f}. The best epoch has the least validation NLL ({best['eval_nll']:.3f} nats)."
    )
    figure = blank(title, note)
    left, right = figure.subplots(1, 2)
    _losses(left, epochs)
    _scores(right, epochs, ceiling)
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.axvline(best["epoch"], color=SOFT_INK, linewidth=0.8, linestyle=":")
    return Picture("training", "Training", title, note, figure)


def _losses(axes: Axes, epochs: Sequence[Mapping[str, Any]]) -> None:
    at = [entry["epoch"] for entry in epochs]
    ends = []
    for part, colour in _PARTS.items():
        for prefix, shape in (("eval_loss_", {"linewidth": 1.8, "marker": "o"}), ("train_loss_", {"linestyle": "--"})):
            values = _column(epochs, f"{prefix}{part}")
            if values is None:
                continue
            axes.plot(at, values, color=colour, markersize=3.5, **({"linewidth": 0.9} | shape))
            if prefix == "eval_loss_":
                ends.append((values[-1], part, colour))
    axes.set_ylim(bottom=0)
    axes.set_ylabel("loss, nats per token")
    end_labels(axes, ends)


def _scores(axes: Axes, epochs: Sequence[Mapping[str, Any]], ceiling: Mapping[str, float]) -> None:
    at = [entry["epoch"] for entry in epochs]
    ends = []
    for key, (label, colour, width) in _SCORES.items():
        values = _column(epochs, f"eval_{key}")
        if values is None:
            continue
        axes.plot(at, values, color=colour, linewidth=width, marker="o", markersize=3.5)
        ends.append((values[-1], label, colour))
    for key, label in (("boosted", "ceiling"), ("majority", "majority")):
        axes.axhline(ceiling[key], color=SOFT_INK, linewidth=1.0, linestyle="--")
        ends.append((ceiling[key], label, SOFT_INK))
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("share")
    end_labels(axes, ends)


def _column(epochs: Sequence[Mapping[str, Any]], key: str) -> list[float] | None:
    """The values of a key that every epoch has, None where one lacks it."""
    return [float(entry[key]) for entry in epochs] if all(key in entry for entry in epochs) else None
