"""Decisions per second of a server's model against the server's own limit, at 1, 8 and 32 questions at once.

The limit is what the same requests bring when nothing is done with the answers: a bare loop of the HTTP client. Prints
the table of docs/how-to/ask-an-endpoint.md.

    python benchmarks/endpoint_study.py URL MODEL [TEMPLATE] [PROMPTS]
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque

import httpx2

from rook_bench.core.shipped import find
from rook_bench.endpoint.address import Address
from rook_bench.endpoint.asking import _PATHS, Asking
from rook_bench.endpoint.budget import Budget
from rook_bench.endpoint.terms import Terms
from rook_bench.ingest.read import read_swaps
from rook_bench.language.template import load_template
from rook_bench.market.view import MarketView


async def bare(address: Address, asking: Asking, prompts: list[str], many: int) -> float:
    """Requests per second of the client alone."""
    waiting = deque(prompts)
    limits = httpx2.Limits(max_connections=many, max_keepalive_connections=many)
    async with httpx2.AsyncClient(timeout=300, limits=limits) as client:

        async def work() -> None:
            while waiting:
                reply = await client.post(address.at(_PATHS[asking.terms.api]), json=asking._body(waiting.popleft()))
                reply.raise_for_status()

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(many)))
    return len(prompts) / (time.perf_counter() - started)


def main() -> None:
    """Print the table: both, in turns, the better of three each."""
    url, model, *rest = sys.argv[1:]
    template = load_template(rest[0] if rest else "chat")
    most = int(rest[1]) if len(rest) > 1 else 200
    frame = read_swaps(find("tape", "sample"))
    prompts = [text for text in template.render(MarketView.whole(frame)).texts if text][:most]
    address = Address(url)
    print("| at once | the server alone, per second | decisions per second | share |\n|---|---|---|---|")
    for many in (1, 8, 32):
        terms = Terms(model, "chat" if template.chat else "completions", concurrency=many, timeout_s=300)
        alone, ours = 0.0, 0.0
        for _ in range(3):
            asking = Asking(address, template, terms, Budget(), lambda prompt, said: None)
            alone = max(alone, asyncio.run(bare(address, asking, prompts, many)))
            started = time.perf_counter()
            asking(prompts)
            ours = max(ours, len(prompts) / (time.perf_counter() - started))
        print(f"| {many} | {alone:,.0f} | {ours:,.0f} | {ours / alone:.0%} |", flush=True)


if __name__ == "__main__":
    main()
