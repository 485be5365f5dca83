"""Read swaps from any recognised layout; the columns decide which importer does it."""

from rook_bench.market.importers import demeter, rook_processed, rook_split, tape
from rook_bench.market.importers.join import join_swaps
from rook_bench.market.importers.recognise import read_swaps
from rook_bench.market.importers.tape import write_tape

__all__ = ["demeter", "join_swaps", "read_swaps", "rook_processed", "rook_split", "tape", "write_tape"]
