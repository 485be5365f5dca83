"""The report a person reads: one HTML file and its pictures. Cheap to import; drawing loads matplotlib."""

from rook_bench.report.write import write_report

__all__ = ["write_report"]
