"""What actions earned on the training rows, and whether anything foretells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from rook_bench.report.charts.canvas import BUY_COLOUR, INK, SELL_COLOUR, SOFT_INK, Picture, blank, style

_COLOURS = {"BUY": BUY_COLOUR, "SELL": SELL_COLOUR}
_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Foretold:
    """Rows with like forecasts, from the lowest to the highest.

    Attributes:
        forecast: mean mark-out that was foretold of each group, bps, shape (groups,).
        markout: mean mark-out that came, bps; se: its standard error.
    """

    forecast: NDArray[np.float64]
    markout: NDArray[np.float64]
    se: NDArray[np.float64]


@dataclass(frozen=True)
class Learnt:
    """What a critic knows, in numbers.

    Attributes:
        slope, slope_se: of mark-outs on forecasts, NaN where nothing was foretold.
        shrunk: what forecasts are multiplied by; cost_bps: what an order costs.
        enough: whether there is time enough to tell.
    """

    slope: float
    slope_se: float
    shrunk: float
    cost_bps: float
    enough: bool


def draw_rewards(rewards: Mapping[str, NDArray[np.float64]], foretold: Foretold | None, learnt: Learnt) -> bytes:
    """rewards.png: on the left what each action earned, on the right mark-outs against forecasts.

    Args:
        rewards: net reward of each action on the rows that have one, bps, by its name ("BUY 5%").
        foretold: by trees that had not seen the rows; None where they foretold nothing but zero.
        learnt: of the critic.
    """
    with style():
        return _picture(rewards, foretold, learnt).to_png()


def _picture(rewards: Mapping[str, NDArray[np.float64]], foretold: Foretold | None, learnt: Learnt) -> Picture:
    cost = f"an order costs {learnt.cost_bps:.1f} bps"
    if not learnt.enough:
        title = f"Too short to tell: {cost}, and rows of so few days agree with each other"
    elif learnt.shrunk == 0:
        title = f"No edge found: {cost}, and nothing foretells what it earns"
    else:
        title = f"Mark-outs follow forecasts at {learnt.slope:.2f} ± {learnt.slope_se:.2f}; {cost}"
    band = learnt.shrunk > 0 and foretold is not None and _pays(learnt) < _reach(foretold)
    note = (
        "Left: net reward of an order on every training row: middle half, 5% to 95%, median (line) and mean (dot). "
        "Right: rows in groups by what trees that had not seen them foretold a buy to gain before costs, and what it "
        "gained, with two standard errors. On the dashed line forecasts would be right"
        + (f"; outside the grey band, once multiplied by {learnt.shrunk:.2f}, they pay for an order." if band else ".")
    )
    figure = blank(title, note)
    left, right = figure.subplots(1, 2, width_ratios=(0.8, 1.0))
    _by_action(left, rewards)
    _against_forecasts(right, foretold, learnt)
    return Picture("rewards", "Rewards", title, note, figure)


def _by_action(axes: Axes, rewards: Mapping[str, NDArray[np.float64]]) -> None:
    names: Sequence[str] = list(rewards)
    boxes = []
    for name in names:
        low, first, middle, third, high = (float(value) for value in np.quantile(rewards[name], _LEVELS))
        mean = float(rewards[name].mean())
        boxes.append({"whislo": low, "q1": first, "med": middle, "q3": third, "whishi": high, "mean": mean, "label": name})  # noqa: E501  # fmt: skip
    axes.axhline(0, color=INK, linewidth=0.9)
    drawn = axes.bxp(
        boxes, showfliers=False, showmeans=True, widths=0.5, patch_artist=True,
        medianprops={"color": INK, "linewidth": 1.6},
        meanprops={"marker": "o", "markerfacecolor": "white", "markeredgecolor": INK, "markersize": 6},
    )  # fmt: skip
    for name, box in zip(names, drawn["boxes"], strict=True):
        box.set_facecolor(_COLOURS.get(name.split()[0], SOFT_INK))
        box.set_alpha(0.55)
    axes.set_ylabel("net reward, bps (holding earns 0)")
    axes.grid(visible=False, axis="x")


def _against_forecasts(axes: Axes, foretold: Foretold | None, learnt: Learnt) -> None:
    axes.set_xlabel("foretold mark-out of a buy, bps")
    axes.set_ylabel("mark-out that came, bps")
    if foretold is None:
        axes.text(0.5, 0.5, "nothing but zero was foretold", transform=axes.transAxes, ha="center", color=SOFT_INK)
        return
    reach = _reach(foretold)
    if learnt.shrunk > 0 and _pays(learnt) < reach:
        axes.axvspan(-_pays(learnt), _pays(learnt), color="#EEF0F2", zorder=0)
        axes.text(0, 0.97, "too small to pay for an order", transform=axes.get_xaxis_transform(), ha="center", va="top",
                  fontsize=8, color=SOFT_INK)  # fmt: skip
    axes.axhline(0, color=INK, linewidth=0.9)
    ends = np.array([-reach, reach])
    axes.plot(ends, ends, color=SOFT_INK, linestyle="--", linewidth=1.0)
    axes.plot(ends, learnt.slope * ends, color=INK, linewidth=1.2)
    axes.errorbar(
        foretold.forecast, foretold.markout, yerr=2 * foretold.se, fmt="o", color=INK, markersize=5, capsize=2
    )
    axes.set_xlim(-reach, reach)


def _reach(foretold: Foretold) -> float:
    return 1.08 * float(np.abs(foretold.forecast).max())


def _pays(learnt: Learnt) -> float:
    """The forecast that pays for an order."""
    return learnt.cost_bps / learnt.shrunk
