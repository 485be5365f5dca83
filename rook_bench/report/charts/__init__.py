"""The pictures that belong to no question, one per file. Each function takes entries and returns what to show."""

from rook_bench.report.charts.actions import actions
from rook_bench.report.charts.confidence import confidence
from rook_bench.report.charts.confusion import confusion
from rook_bench.report.charts.distribution import distribution
from rook_bench.report.charts.drawdown import drawdown
from rook_bench.report.charts.equity import equity
from rook_bench.report.charts.markouts import markouts
from rook_bench.report.charts.waterfall import waterfall

CHARTS = (equity, drawdown, waterfall, actions, distribution, confusion, markouts, confidence)
"""In the order of the report's pictures."""
