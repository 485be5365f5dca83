"""Trade against large swaps: an example of a decision source of your own.

Use it by name (`--source fade_large_swaps`, because this folder is searched) or from anywhere by
path (`--source strategies/fade_large_swaps.py@fade_large_swaps:volume_multiple=5`).
"""

from rook_bench import Decision, Side, decision_source


@decision_source(trained_on="nothing", lookback=100)  # what its features look back, in swaps
def fade_large_swaps(volume_multiple: float = 8.0, move_bps: float = 3.0):
    """Buy after a large swap that pushed the price down, sell after one that pushed it up."""

    def decide(view):
        average = view["volume_ma"][-1]
        change_bps = view["price_change"][-1] * 1e4
        if average <= 0 or view["volume"][-1] < volume_multiple * average or abs(change_bps) < move_bps:
            return Decision.hold("ordinary swap")
        side = Side.SELL if change_bps > 0 else Side.BUY
        return Decision(side, size=0.05, reason=f"large swap moved the price {change_bps:+.1f} bps")

    return decide
