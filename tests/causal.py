"""Whether columns computed from a tape know its future: cut or scrambled, the past must stay as it was."""

import numpy as np
import pandas as pd

from rook_bench.market.features import compute_conditions, compute_features
from rook_bench.sources.lookahead import CUTS, MINIMUM_ROWS, scramble_future


def all_columns(frame):
    return pd.concat([compute_features(frame), compute_conditions(frame)], axis=1)


def leaking_columns(frame, compute=all_columns, *, cuts=CUTS):
    """Columns of `compute` whose past changes with the future, with the first such row; empty when clean."""
    rng = np.random.default_rng(0)
    whole = compute(frame)
    leaks = {}
    for cut in sorted({int(cut) for cut in rng.integers(MINIMUM_ROWS, len(frame), size=cuts)}):
        for changed in (frame[:cut], scramble_future(frame, cut, rng)):
            again = compute(changed)
            for name in whole.columns:
                before, after = whole[name].to_numpy()[:cut], again[name].to_numpy()[:cut]
                if before.tobytes() != after.tobytes():
                    row = int(np.argmax(~((before == after) | (pd.isna(before) & pd.isna(after)))))
                    leaks[name] = min(row, leaks.get(name, row))
    return leaks
