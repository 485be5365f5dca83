"""A decision source of your own. Any file in this folder is searched, so `--source my_strategy` finds it."""

from rook_bench import Decision, Side, decision_source


@decision_source(trained_on="nothing")
def my_strategy(lookback: int = 50, threshold_bps: float = 30.0, size: float = 0.05):
    """Buy what fell below its own average, sell what rose above it.

    The arguments are parameters: `--source my_strategy:lookback=20,size=0.1`. Each set of them that is replayed is a
    try, and counts in the trial ledger.
    """

    def decide(view):
        # Called once per swap. The view ends with that swap: what comes later can't be seen.
        price = view["price"]  # quote per base, oldest first; also volume, volatility, momentum_10 ...
        if len(price) < lookback:
            return Decision.hold("warming up")
        away_bps = (price[-1] / price[-lookback:].mean() - 1) * 1e4
        if abs(away_bps) < threshold_bps:
            return Decision.hold(f"near its average: {away_bps:+.1f} bps")
        # The size is a fraction of what is there to spend: of quote to buy, of base to sell.
        return Decision(Side.SELL if away_bps > 0 else Side.BUY, size=size, reason=f"{away_bps:+.1f} bps away")

    return decide
