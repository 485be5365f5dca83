"""What moves of the price imply, whole columns at once: as Python's integers give it, one by one."""

from dataclasses import replace

import numpy as np
import pytest

from rook_bench.core.exact import ExactInts
from rook_bench.market.pool import Pool, Token
from rook_bench.tapecheck.moves import Moves, is_move, net0, net1


def test_each_amount_is_the_nearest(tape):
    rows = np.arange(1, len(tape))
    moves = Moves.of(tape, rows - 1, rows)
    prices, liquidity = list(tape.sqrt_price_x96), list(tape.liquidity)
    for row in range(1, len(tape)):
        before, after = prices[row - 1], prices[row]
        assert moves.net0[row - 1] == net0(before, after, liquidity[row])
        assert moves.net1[row - 1] == net1(before, after, liquidity[row])
        assert moves.moved[row - 1] == float(abs(after - before))


def test_what_is_a_move(tape):
    rows = np.arange(1, len(tape))
    prices, liquidity = list(tape.sqrt_price_x96), list(tape.liquidity)
    assert is_move(tape, rows - 1, rows).tolist() == [
        liquidity[row] == liquidity[row - 1] != 0 and prices[row] != prices[row - 1] for row in range(1, len(tape))
    ]
    empty = replace(tape, history=None, liquidity=ExactInts.of([0] * len(tape)))
    assert not is_move(empty, rows - 1, rows).any()


@pytest.mark.parametrize(("decimals0", "decimals1"), [(18, 6), (6, 18), (8, 18), (18, 18), (0, 18), (18, 0), (77, 6)])
@pytest.mark.parametrize("base_is_token0", [True, False])
def test_a_price_is_the_nearest_float_of_the_exact_ratio(decimals0, decimals1, base_is_token0, make_frame):
    rng = np.random.default_rng(decimals0 * 100 + decimals1 + base_is_token0)
    first, second = Token(symbol="A", decimals=decimals0), Token(symbol="B", decimals=decimals1)
    pool = Pool(token0=first, token1=second, base_is_token0=base_is_token0, fee_pips=500, tick_spacing=10)
    base, quote = pool.base, pool.quote
    roots = [int(2.0 ** rng.uniform(40, 155)) + int(rng.integers(2**40)) for _ in range(2000)]
    roots += [1 << power for power in range(40, 155)]
    frame = replace(
        make_frame([1.0] * len(roots)), pool=pool, sqrt_price_x96=ExactInts.of(roots), tick=None, history=None
    )
    for root, price in zip(roots, frame.price.tolist(), strict=True):
        square = root * root
        exact = (
            square * base.unit / (quote.unit << 192) if base_is_token0 else (base.unit << 192) / (square * quote.unit)
        )
        assert price == exact
