"""A simulated week on a real node: work per block, memory, forks, and a check of all of it at the end.

    python benchmarks/live_soak.py [--days 7] [--every 5] [--adapter DIR] [--protocol v3]

One block in `--every` holds swaps, mints or burns; the others are mined empty. A fork comes twice a day, and the
session is stopped and gone on with once a day. Needs `make setup-contracts`.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "evm"))

import artifacts  # noqa: E402
from market import Market  # noqa: E402
from node import BLOCK_SECONDS, running  # noqa: E402

from rook_bench.core.console import hush  # noqa: E402
from rook_bench.core.garbage import collected_seldom  # noqa: E402
from rook_bench.workbench.config import BenchConfig  # noqa: E402
from rook_bench.workbench.live import check_live, start_live  # noqa: E402

PER_DAY = 86_400 // BLOCK_SECONDS


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--days", type=float, default=7)
    asked.add_argument("--every", type=int, default=5)
    asked.add_argument("--adapter")
    asked.add_argument("--protocol", default="v3")
    asked.add_argument("--source", action="append")
    options = asked.parse_args()
    hush(True)
    plugin = f"{ROOT / 'strategies' / 'fade_large_swaps.py'}@fade_large_swaps"
    sources = options.source or [f"rules:{ROOT / 'strategies' / 'data_driven.json'}", "momentum", plugin]
    if options.adapter:
        sources.append(f"lora:{options.adapter},transfer=true")
    config = BenchConfig.model_validate({"frictions": {"gas": {"flat_quote": 0.1}}})
    # As the command line does: else the collector looks through all of torch at every other block.
    with collected_seldom(), tempfile.TemporaryDirectory() as folder, running(artifacts.anvil()) as url:
        market = Market(url, options.protocol, "soak")
        market.act(200)
        session = soaked(market, Path(folder) / "session", sources, config, options)
        session.close("the week is over")
        began = time.perf_counter()
        found = check_live(Path(folder) / "session", url, report=False)
        told = found.to_json()
        print(f"check: {time.perf_counter() - began:.0f} s, {json.dumps(told, indent=1)}")
        print(f"journal: {(Path(folder) / 'session' / 'journal.jsonl').stat().st_size / 2**20:.1f} MB")
        sys.exit(found.exit_code)


def soaked(market, folder, sources, config, options):
    def opened():
        return start_live(market.url, market.key, sources, folder, mode="paper", config=config)

    session, blocks, work, node = opened(), int(options.days * PER_DAY), [], []
    done = since = 0
    print("day  swaps  rows kept  MB   work p50  p99 (ms)  node p50  p99 (ms)")
    while done < blocks:
        if options.every > 1:
            market.chain.rpc("anvil_mine", hex(options.every - 1), hex(BLOCK_SECONDS))
            while session.step():
                pass
        snapshot = market.snapshot() if done % (PER_DAY // 2) < options.every else None
        market.act()
        while session.step():
            pass
        if snapshot:
            market.revert(snapshot)
            market.chain.mine()
            market.act(2)
            while session.step():
                pass
        work += session.seen.work_s[since:]
        node += [session.seen.seconds["node"]] if "node" in session.seen.seconds else []
        since = len(session.seen.work_s) if len(session.seen.work_s) < 4000 else 0
        if len(session.seen.work_s) >= 4000:
            session.seen.work_s = []
        done += options.every
        if done % PER_DAY < options.every:
            print(line(done / PER_DAY, session, work, node), flush=True)
            work, node, since = [], [], 0
            session.close("a night")
            session = opened()
    return session


def line(day, session, work, node):
    mb = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    times = [f"{1000 * np.quantile(part, at):8.1f}" for part in (work, node) for at in (0.5, 0.99)]
    return f"{day:3.0f}  {session.state.rows.end_row:6,}  {len(session.state.rows):8,}  {mb:5.0f}  {'  '.join(times)}"


if __name__ == "__main__":
    main()
