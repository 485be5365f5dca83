"""The promotion record: which source is champion, by which verdict, and proof that nothing changed since."""

from rook_bench.gates.formats.verdict_file import read_verdict, verdict_hash
from rook_bench.promotion.change import promote, rollback
from rook_bench.promotion.record import Record, resolve_champion
from rook_bench.promotion.verify import verify

__all__ = ["Record", "promote", "read_verdict", "resolve_champion", "rollback", "verdict_hash", "verify"]
