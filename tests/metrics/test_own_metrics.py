"""A metric of one's own that fails costs its own number, with the reason, and not the run."""

from pathlib import Path

import pytest

from rook_bench.core import Estimate, InputError
from rook_bench.metrics import analyse
from rook_bench.metrics.clock import Clock, Sampled
from rook_bench.plugins import import_file, metric
from rook_bench.workbench.plugin_check import check_plugin

STRATEGIES = Path(__file__).resolve().parents[2] / "strategies"

BAD = '''"""Every way to get it wrong."""
from rook_bench import Estimate, InputError, metric

@metric(unit="count")
def divides(sampled):
    """Fails inside."""
    return helper(0)

def helper(n):
    return 1 / n

@metric(unit="count")
def number(sampled):
    """A bare number."""
    return 42

@metric(unit="bps")
def nothing(sampled):
    """Forgets to return."""

@metric(unit="count")
def too_few():
    """Takes nothing."""
    return Estimate(1.0, 1, "count")

@metric(unit="count")
def too_many(sampled, window):
    """Takes too much."""
    return Estimate(1.0, 1, "count")

@metric(unit="fraction")
def not_finite(sampled):
    """Not a number."""
    return Estimate(float("nan"), 1, "fraction")

@metric(unit="fraction")
def complains(sampled):
    """Says so itself."""
    raise InputError("no volume", where="the tape", hint="import another")

@metric
def without_a_unit(sampled):
    """States no unit."""
    raise KeyError("x")

@metric(unit="fraction")
def works(sampled):
    """Half."""
    return Estimate(0.5, 1, "fraction")
'''


@pytest.fixture
def run(run_of, make_frame, sides):
    return run_of(make_frame([100.0] * 3), sides("HBH"))


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(BAD)
    lines = {
        line.split("(")[0].split()[-1]: number for number, line in enumerate(BAD.splitlines(), 1) if "def " in line
    }
    with metric.isolated():
        import_file(path)
        yield lines


def test_each_is_undefined_with_its_reason_and_line(run, bad):
    analysis = analyse(run)
    said = {name: str(analysis.estimates[name]) for name in bad if name != "helper"}
    assert said == {
        "divides": f"undefined: ZeroDivisionError: division by zero (mine.py:{bad['helper'] + 1})",
        "number": f"undefined: it gave int and no Estimate (mine.py:{bad['number'] - 1})",
        "nothing": f"undefined: it gave NoneType and no Estimate (mine.py:{bad['nothing'] - 1})",
        "too_few": f"undefined: TypeError: too_few() takes 0 positional arguments but 1 was given (mine.py:{bad['too_few'] - 1})",
        "too_many": f"undefined: TypeError: too_many() missing 1 required positional argument: 'window' (mine.py:{bad['too_many'] - 1})",
        "not_finite": f"undefined: ValueError: nan is not finite; use Estimate.undefined and say why (mine.py:{bad['not_finite'] + 2})",
        "complains": f"undefined: InputError: the tape: no volume; import another (mine.py:{bad['complains'] + 2})",
        "without_a_unit": f"undefined: KeyError: 'x' (mine.py:{bad['without_a_unit'] + 2})",
        "works": "50.00%",
    }
    units = {name: analysis.estimates[name].unit for name in ("divides", "nothing", "without_a_unit")}
    assert units == {"divides": "count", "nothing": "bps", "without_a_unit": ""}


def test_the_others_are_measured_and_all_can_be_written(run, bad):
    analysis = analyse(run)
    assert analysis.estimates["total_return"].defined
    for estimate in analysis.estimates.values():
        assert Estimate.from_json(estimate.to_json()) == estimate


def test_a_metric_of_a_notebook(run):
    with metric.isolated():
        exec(
            "from rook_bench import metric\n@metric(unit='count')\ndef cell_metric(sampled):\n    return 1 / 0\n",
            {"__name__": "__main__"},
        )
        assert "ZeroDivisionError" in analyse(run).estimates["cell_metric"].undefined_because


def test_built_in_ones_keep_raising(run, monkeypatch):
    plugin = metric.get("total_return")

    def broken(sampled):
        raise InputError("broken")

    monkeypatch.setitem(metric._plugins, "total_return", type(plugin)(**{**vars(plugin), "factory": broken}))
    with pytest.raises(InputError, match="broken"):
        analyse(run)


def test_the_example_measures_the_worst(tape, run_of, sides):
    import numpy as np

    run = run_of(tape, sides("BSHH" * 500, 0.5))
    sampled = Sampled(run, Clock())
    found = metric.get(f"{STRATEGIES / 'expected_shortfall.py'}@expected_shortfall").factory(sampled)
    worst = np.sort(sampled.returns)[: int(0.05 * len(sampled.returns))]
    assert len(sampled.returns) >= 60
    assert found.value == pytest.approx(worst.mean())
    assert found.value < np.mean(sampled.returns)
    assert (found.n, found.unit) == (len(worst), "fraction")
    assert "returns over 5 min" in found.convention


def test_the_example_says_why_not(run):
    plugin = metric.get(f"{STRATEGIES / 'expected_shortfall.py'}@expected_shortfall")
    assert str(plugin.factory(Sampled(run, Clock()))) == "undefined: 0 buckets of 5 min, 60 are needed"
    assert check_plugin(f"{STRATEGIES / 'expected_shortfall.py'}@expected_shortfall", "metric")
