"""One purse over several pools: every token has one exact balance, whichever pool it is traded in.

Two pools of ether and dollars spend the same ether; runs that are added up spend it twice. `loop.py` is the loop of
one pool again, over the swaps of all of them in the order in which they happened; a purse of one pool gives byte for
byte what a Run gives.
"""

from rook_bench.replay.purse.engine import priced_in, purse_of, replay_purse, with_native, without
from rook_bench.replay.purse.run import Leg, PurseRun

__all__ = ["Leg", "PurseRun", "priced_in", "purse_of", "replay_purse", "with_native", "without"]
