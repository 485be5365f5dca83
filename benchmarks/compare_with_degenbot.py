"""A differential run of the pool's swap against degenbot's, in an environment of degenbot's own.

    python benchmarks/compare_with_degenbot.py [--swaps 3000] [--seed 1] [--environment FOLDER]

degenbot (https://pypi.org/project/degenbot/) ports the v3 contract to Python and is no dependency of this
project: the script makes a virtual environment, installs the pinned version, hands the same random
pools and swaps to both, and prints how many agree and how long each took. Its pool object wants a
node; the swap itself does not, so it is called on a pool that is filled by hand. It has two ways to the
next tick: a list of the ticks ahead (its own choice where the map is whole) and the contract's bitmap;
both run. Where one differs from ours, the published contract is asked (after `make setup-contracts`).
Each is timed with its caches empty, best of three: both sides keep prices of ticks, degenbot most of its
results too.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

VERSION = "0.3.0"
WAYS = ("list", "bitmap")
ROUNDS = 3


def cases(count: int, seed: int) -> list[dict[str, object]]:
    """Random pools with overlapping positions, a swap each, and what ours gives."""
    from rook_bench.execution.pool_state import PoolState
    from rook_bench.execution.ticks import sqrt_price_at_tick

    draw = random.Random(seed)
    made: list[dict[str, object]] = []
    while len(made) < count:
        fee, spacing = draw.choice([(100, 1), (500, 10), (3000, 60), (10_000, 200)])
        tick = draw.randint(-2000, 2000) * draw.choice([1, 100, 400])
        price = sqrt_price_at_tick(tick) + draw.choice([0, draw.randint(0, 10**9)])
        state = PoolState.initialized(price, fee_pips=fee, tick_spacing=spacing)
        positions = []
        for _ in range(draw.randint(1, 12)):
            lower = (tick // spacing + draw.randint(-60, 30)) * spacing
            upper = lower + draw.randint(1, 80) * spacing
            if lower > -887_000 and upper < 887_000:
                positions.append((lower, upper, draw.randint(1, 10 ** draw.randint(6, 22))))
                state.mint(*positions[-1])
        if not state.liquidity:
            continue
        falls, amount = draw.random() < 0.5, draw.randint(1, 10 ** draw.randint(3, 22)) * draw.choice([1, -1])
        share = draw.randint(9_900, 9_999)
        limit = price * share // 10_000 if falls else price * 10_000 // share
        made.append(
            {
                "fee": fee,
                "spacing": spacing,
                "price": price,
                "tick": state.tick,
                "liquidity": state.liquidity,
                "positions": positions,
                "ticks": {str(at): pair for at, pair in state.ticks.items()},
                "falls": falls,
                "amount": amount,
                "limit": limit,
            }
        )
    return made


def ours(made: list[dict[str, object]]) -> tuple[list[list[int]], list[int], float]:
    """Our results, ticks crossed, and seconds."""
    from rook_bench.execution.pool_state import PoolState
    from rook_bench.execution.ticks import sqrt_price_at_tick

    states = [
        PoolState(
            case["price"],
            case["tick"],
            case["liquidity"],
            fee_pips=case["fee"],
            tick_spacing=case["spacing"],
            ticks={int(at): tuple(pair) for at, pair in case["ticks"].items()},
        )
        for case in made
    ]
    took = []
    for _ in range(ROUNDS):
        sqrt_price_at_tick.cache_clear()  # making the cases has filled it
        started = time.perf_counter()
        found = [s.quote(c["falls"], c["amount"], c["limit"]) for s, c in zip(states, made, strict=True)]
        took.append(time.perf_counter() - started)
    rows = [[one.amount0, one.amount1, one.sqrt_price, one.liquidity, one.tick] for one in found]
    return rows, [one.crossed for one in found], min(took)


def judged(made: list[dict[str, object]]) -> list[list[int]] | None:
    """What the published contract gives, or None where it is not installed."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "evm"))
    try:
        import artifacts
        from duel import v3_pool
    except ImportError:
        return None
    if artifacts.missing():
        return None
    real = []
    for case in made:
        pool = v3_pool(case["fee"], case["spacing"], case["price"])
        for position in case["positions"]:
            pool.mint(*position)
        amounts = pool.swap(case["falls"], case["amount"], case["limit"])
        price, tick = pool.price()
        real.append([*amounts, price, pool.liquidity(), tick])
    return real


def degenbots(made: list[dict[str, object]], way: str) -> dict[str, object]:
    """degenbot's results and seconds with one way to the next tick; runs inside its environment."""
    from collections import defaultdict
    from types import SimpleNamespace

    from degenbot.exceptions import EVMRevertError
    from degenbot.uniswap.types import UniswapV3BitmapAtWord, UniswapV3LiquidityAtTick
    from degenbot.uniswap.v3_liquidity_pool import UniswapV3Pool

    pools = []
    for case in made:
        pool = object.__new__(UniswapV3Pool)
        pool.sparse_liquidity_map, pool.tick_spacing, pool.fee = way == "bitmap", case["spacing"], case["fee"]
        words: dict[int, int] = defaultdict(int)
        for at in case["ticks"]:
            place = int(at) // case["spacing"]
            words[place // 256] |= 1 << place % 256
        # Every word has to be there, empty ones too: degenbot asks a node for those that are not.
        last = 887_272 // case["spacing"] // 256 + 2
        bitmap = dict.fromkeys(range(-last, last), UniswapV3BitmapAtWord())
        bitmap |= {word: UniswapV3BitmapAtWord(bitmap=bits) for word, bits in words.items()}
        ticks = {
            int(at): UniswapV3LiquidityAtTick(liquidity_net=net, liquidity_gross=gross)
            for at, (gross, net) in case["ticks"].items()
        }
        state = SimpleNamespace(
            liquidity=case["liquidity"],
            sqrt_price_x96=case["price"],
            tick=case["tick"],
            tick_bitmap=bitmap,
            tick_data=ticks,
        )
        pools.append((pool, state))
    started = time.perf_counter()
    found = []
    for (pool, state), case in zip(pools, made, strict=True):
        try:
            found.append(list(pool._calculate_swap(case["falls"], case["amount"], case["limit"], state)))
        except EVMRevertError as error:
            found.append([type(error).__name__, str(error)[:80]])
    return {"found": found, "seconds": time.perf_counter() - started}


def rises_from_the_end_of_a_word(case: dict[str, object]) -> bool:
    """Where degenbot's list begins with a tick that is not ahead; the contract looks into the next word."""
    return not case["falls"] and case["tick"] // case["spacing"] % 256 == 255


def main() -> int:
    """Compare; 1 where any swap differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swaps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--environment", type=Path)
    options = parser.parse_args()
    made = cases(options.swaps, options.seed)
    rows, crossed, took = ours(made)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.environment or Path(scratch)
        python = folder / "bin" / "python"
        if not python.exists():
            venv.create(folder, with_pip=True)
            command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"degenbot=={VERSION}"]
            subprocess.run(command, check=True)
        text, theirs = json.dumps(made), {}
        for way in WAYS * ROUNDS:  # a process each, because a second time finds what the first left in the caches
            command = [python, __file__, "--child", way]
            answer = json.loads(
                subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout
            )
            theirs[way] = min(theirs.get(way, answer), answer, key=lambda one: one["seconds"])
    across, wanted = sum(count > 0 for count in crossed), sum(case["amount"] < 0 for case in made)
    print(f"{len(made)} swaps, {across} across ticks, {wanted} of exact output; ours in Python integers {took:.2f} s")
    return max([report(made, rows, way, theirs[way]) for way in WAYS])


def report(made: list[dict[str, object]], rows: list[list[int]], way: str, theirs: dict[str, object]) -> int:
    """Print how one way of degenbot's compares; 1 where it differs and the contract does not side with us."""
    found = theirs["found"]
    differing = [place for place, pair in enumerate(zip(rows, found, strict=True)) if pair[0] != pair[1]]
    equal = len(made) - len(differing)
    print(f"degenbot {VERSION} by its {way}: {equal} equal in all five results, {theirs['seconds']:.2f} s")
    if not differing:
        return 0
    for place in differing[:3]:
        print(f"  swap {place}: ours {rows[place]}, degenbot {found[place]}")
    known = sum(rises_from_the_end_of_a_word(made[place]) for place in differing)
    print(f"  {known} of the {len(differing)} differences rise from the last tick of a bitmap word")
    real = judged([made[place] for place in differing])
    if real is None:
        print("  the published contract is not installed (make setup-contracts), so it can't tell who is right")
        return 1
    right = sum(rows[place] == judgement for place, judgement in zip(differing, real, strict=True))
    theirs_right = sum(found[place] == judgement for place, judgement in zip(differing, real, strict=True))
    print(f"  there the published contract gives ours {right} times, degenbot's {theirs_right} times")
    return 0 if right == len(differing) else 1


if __name__ == "__main__":
    if "--child" in sys.argv:
        json.dump(degenbots(json.load(sys.stdin), sys.argv[2]), sys.stdout)
    else:
        sys.exit(main())
