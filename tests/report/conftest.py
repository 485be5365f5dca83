"""Analyses and reports that the report's tests share."""

from dataclasses import replace

import pytest

from rook_bench.metrics import analyse
from rook_bench.replay import replay
from rook_bench.report import write_report
from rook_bench.report.entries import make_entries


@pytest.fixture(scope="session")
def analyses(tape):
    """A candidate, hold, random and the bound, on one simulated tape."""
    return [analyse(replay(tape, source)) for source in ("momentum", "hold", "random:0.16", "foresight")]


@pytest.fixture(scope="session")
def idle(tape):
    """A run without a trade."""
    return analyse(replay(tape, "hold"))


@pytest.fixture(scope="session")
def entries(analyses):
    """The comparison as the report shows it."""
    return make_entries(analyses)


def _renamed(analysis, reference):
    choice = replace(analysis.run.source.choice, reference=reference)
    source = replace(analysis.run.source, choice=choice)
    return replace(analysis, run=replace(analysis.run, decided=replace(analysis.run.decided, source=source)))


@pytest.fixture(scope="session")
def renamed():
    """An analysis whose source somebody named differently."""
    return _renamed


@pytest.fixture(scope="session")
def comparison_folder(analyses, tmp_path_factory):
    """A report of four sources with a verdict."""
    folder = tmp_path_factory.mktemp("comparison")
    verdict = {
        "verdict": "BLOCK",
        "reasons": ["max_drawdown: 9% is above 5%"],
        "checks": [{"name": "max_drawdown", "status": "fail", "detail": "9% is above 5%", "bound": "5%"}],
        "policy": {"name": "default", "hash": "0123456789abcdef" * 4},
    }
    write_report(analyses, folder, title="Momentum & rivals", verdict=verdict)
    return folder


@pytest.fixture(scope="session")
def idle_folder(idle, tmp_path_factory):
    """A report of a run that never trades."""
    folder = tmp_path_factory.mktemp("idle")
    write_report([idle], folder, title="Nothing happens")
    return folder
