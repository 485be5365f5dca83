"""Planted bad plugins: each fails the check that is about its fault, and none before it."""

from contextlib import ExitStack

import numpy as np
import pytest

from rook_bench.core import Decision, Estimate, InputError, Side, UnknownName
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.gates.check import Check
from rook_bench.plugins import Registry, decision_source, gate_check, importer, metric, risk_filter, sizer
from rook_bench.workbench.plugin_check import check_plugin, small_tape


@pytest.fixture(autouse=True)
def planted():
    with ExitStack() as stack:
        for registry in Registry.kinds.values():
            list(registry)  # loaded before, so that only what a test plants is undone
        for registry in Registry.kinds.values():
            stack.enter_context(registry.isolated())
        yield


def failed(kind, factory, **traits):
    """The one check that a factory fails, and what is said of it."""
    Registry.kinds[kind](factory, name="planted", **traits)
    before = small_tape().data_hash
    report = check_plugin("planted", kind)
    assert type(small_tape())(**vars_of(small_tape())).data_hash == before, "the shared tape was changed"
    assert not report
    (name,) = report.failed
    assert report.checks[-1].name == name, "no check after the one that failed"
    assert f"failed: {name}" in repr(report)
    return name, report.checks[-1].detail


def vars_of(frame):
    return {name: getattr(frame, name) for name in frame.__dataclass_fields__}


def buys(view, size=0.1):
    return DecisionTape.from_sides(np.full(len(view), Side.BUY), size)


# Sources.


def peeks():
    """Knows the next price."""

    def decide(view):
        price = view["price"]
        return DecisionTape.from_sides(np.where(np.append(price[1:], 0) > price, Side.BUY, Side.SELL), 0.1)

    return decide


def scales_by_all():
    """Scales by the mean of the whole tape."""
    return lambda view: DecisionTape.from_sides(np.where(view["price"] > view["price"].mean(), 0, 2), 0.1)


class ShowsNext:
    def decide(self, view, ask):
        return buys(view)

    def prompts(self, view):
        return [str(price) for price in np.append(view["price"][1:], 0.0)]


def shows_the_next_price():
    """Decides honestly, and shows the future."""
    return ShowsNext()


@pytest.mark.parametrize("factory", [peeks, scales_by_all, shows_the_next_price], ids=lambda factory: factory.__name__)
def test_a_source_that_looks_ahead(factory):
    name, said = failed("decision_source", factory, whole_tape=True)
    assert name == "no look-ahead"
    assert "changed" in said


def test_a_source_that_keeps_what_it_saw_in_its_module(tmp_path):
    """Only a plugin that is loaded anew gives it away."""
    path = tmp_path / "mine.py"
    path.write_text(
        "import numpy as np\nfrom rook_bench import DecisionTape, decision_source\nKEPT = {}\n\n"
        "@decision_source(whole_tape=True)\ndef mine():\n    '''Remembers its first mean.'''\n    def decide(view):\n"
        "        mean = KEPT.setdefault('mean', view['price'].mean())\n"
        "        return DecisionTape.from_sides(np.where(view['price'] > mean, 0, 2), 0.1)\n    return decide\n"
    )
    assert check_plugin(f"{path}@mine").failed == ["no look-ahead"]


def writes():
    """Writes to what it is shown."""

    def decide(view):
        view["price"][:] = 1.0
        return buys(view)

    return decide


def unlocks():
    """Makes a column writable first."""

    def decide(view):
        column = view["volume"]
        column.base.flags.writeable = True
        column.base[3] = 0.0
        return buys(view)

    return decide


def turns_back_the_clock():
    """Changes the tape behind the view."""

    def decide(view):
        view._columns.frame.at[5] = view._columns.frame.at[4]
        return buys(view)

    return decide


@pytest.mark.parametrize("factory", [writes, unlocks, turns_back_the_clock], ids=lambda factory: factory.__name__)
def test_a_source_that_changes_its_view(factory):
    name, said = failed("decision_source", factory, whole_tape=True)
    assert name == "leaves what it sees as it was"
    assert "test_planted.py" in said or said in ("it changed volume", "it changed at")


def unseeded():
    """Takes random numbers from nowhere."""
    return lambda view: DecisionTape.from_sides(np.random.default_rng().integers(0, 3, len(view)), 0.1)


def shared_generator():
    """Takes them from a generator of its own, which goes on from question to question."""
    rng = np.random.default_rng(0)

    class Own:
        def decide(self, view, ask):
            return DecisionTape.from_sides(rng.integers(0, 3, len(view)), 0.1)

    return Own()


@pytest.mark.parametrize("factory", [unseeded, shared_generator], ids=lambda factory: factory.__name__)
def test_a_source_that_is_random_without_the_generator(factory):
    name, said = failed("decision_source", factory, whole_tape=True)
    assert name == "same seed, same output"
    assert "take random numbers from ask.rng" in said


def too_short():
    """One decision too few."""
    return lambda view: DecisionTape.from_sides(np.full(len(view) - 1, Side.BUY), 0.1)


def too_large():
    """More than there is."""
    return lambda view: buys(view, 1.5)


def raises():
    """Fails in the middle."""
    return lambda view: [][0]


class FewTexts(ShowsNext):
    def prompts(self, view):
        return ["one"]


def few_texts():
    """Shows one text for all rows."""
    return FewTexts()


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        (too_short, "one decision for each of 400 swaps"),
        (too_large, "size is not between 0 and 1"),
        (raises, "IndexError: list index out of range (test_planted.py:"),
        (few_texts, "prompts are not one text for each of 400 swaps"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_source_that_gives_no_valid_decisions(factory, words):
    name, said = failed("decision_source", factory, whole_tape=True)
    assert name == "answers"
    assert words in said


def refuses_its_default(size: int = 3):
    """Does not take what it says it takes."""
    raise ValueError("never")


def builds_nothing():
    """Forgets to return."""


@pytest.mark.parametrize(
    ("factory", "words"), [(refuses_its_default, "never"), (builds_nothing, "its factory returned NoneType")]
)
def test_a_source_that_does_not_build(factory, words):
    name, said = failed("decision_source", factory, whole_tape=True)
    assert name == "builds"
    assert words in said


def test_a_source_without_a_word_about_itself():
    decision_source(lambda: lambda view: Decision.hold(), name="planted")
    assert check_plugin("planted").failed == ["says what it is"]


def test_a_function_needs_no_word_about_itself():
    report = check_plugin(lambda view: Decision(Side.BUY, size=0.1))
    assert report
    assert report.reference.startswith("lambda-")


# Sizers and filters.


def test_a_sizer_that_peeks():
    def size():
        """Bets on the next price."""
        return lambda view, decisions: np.where(np.append(view["price"][1:], 0) > view["price"], 0.5, 0.1)

    assert failed("sizer", size)[0] == "no look-ahead"


def test_a_sizer_that_looks_at_the_whole_of_decisions():
    def size():
        """Scales by the largest wish of all."""
        return lambda view, decisions: decisions.size * np.mean(decisions.size)

    assert failed("sizer", size)[0] == "no look-ahead"


@pytest.mark.parametrize("wrong", [lambda view, decisions: decisions.size + 1, lambda view, decisions: 0.5])
def test_a_sizer_that_gives_no_fractions(wrong):
    def size():
        """Wrong."""
        return wrong

    name, said = failed("sizer", size)
    assert name == "answers"
    assert "did not return a fraction" in said


def test_a_sizer_that_is_random():
    def size():
        """Chance."""
        return lambda view, decisions: np.random.default_rng().random(len(decisions))

    assert failed("sizer", size)[0] == "same seed, same output"


def test_a_filter_that_peeks():
    def allow():
        """Lets through what will rise."""
        return lambda view, decisions: np.append(view["price"][1:], 0) > view["price"]

    assert failed("risk_filter", allow)[0] == "no look-ahead"


def test_a_filter_that_forges_decisions():
    def allow():
        """Turns every wish into the largest one."""

        def check(view, decisions):
            decisions.size[:] = 1.0
            return np.ones(len(decisions), bool)

        return check

    assert failed("risk_filter", allow)[0] == "leaves what it sees as it was"


def test_a_filter_that_forges_them_by_force():
    def allow():
        """The same, with the lock taken off."""

        def check(view, decisions):
            column = decisions.size.base
            while column.base is not None:
                column = column.base
            column.flags.writeable = True
            column[decisions.size > 0] = 1.0
            return np.ones(len(decisions), bool)

        return check

    name, said = failed("risk_filter", allow)
    assert (name, said) == ("leaves what it sees as it was", "it changed decisions")


def test_a_filter_that_answers_with_numbers():
    def allow():
        """Zero and one."""
        return lambda view, decisions: np.ones(len(decisions))

    assert failed("risk_filter", allow)[0] == "answers"


# Metrics, gate checks, importers.


def test_a_metric_that_returns_a_float():
    def measured(sampled):
        """A bare number."""
        return 0.5

    name, said = failed("metric", measured, unit="fraction")
    assert name == "answers"
    assert said.startswith("it gave float and no Estimate (test_planted.py:")


@pytest.mark.parametrize(
    ("measured", "traits", "expected"),
    [
        (lambda sampled: Estimate(0.5, 1, "bps"), {"unit": "fraction"}, ("answers", "its Estimate is in 'bps'")),
        (lambda sampled: 1 / 0, {"unit": "bps"}, ("answers", "ZeroDivisionError")),
        (lambda: Estimate(0.5, 1, "bps"), {"unit": "bps"}, ("answers", "TypeError")),
        (lambda sampled: Estimate(0.5, 1, "bps"), {}, ("builds", "its decorator states no unit")),
        (
            lambda sampled: Estimate(float(np.random.default_rng().random()), 1, "bps"),
            {"unit": "bps"},
            ("same seed, same output", "says another number"),
        ),
        (
            lambda sampled: (np.copyto(sampled.run.equity, 0), Estimate(0.5, 1, "bps"))[1],
            {"unit": "bps"},
            ("leaves what it sees as it was", "changed the run"),
        ),
    ],
    ids=["unit", "raises", "takes nothing", "no unit", "random", "writes"],
)
def test_a_metric_that_is_wrong(measured, traits, expected):
    measured.__doc__ = "Wrong."
    name, said = failed("metric", measured, **traits)
    assert name == expected[0]
    assert expected[1] in said


def gate(answer):
    def built():
        """Judges."""
        return answer

    return built


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda candidate, champion: True, "answers"),
        (lambda candidate, champion: Check("mine", "good", "never"), "answers"),
        (lambda candidate, champion: Check("mine", "pass", champion.name), "answers"),
        (
            lambda candidate, champion: Check("mine", "pass", str(np.random.default_rng().random())),
            "same seed, same output",
        ),
    ],
    ids=["no check", "no status", "needs a champion", "random"],
)
def test_a_gate_check_that_is_wrong(answer, expected):
    assert failed("gate_check", gate(answer))[0] == expected


def test_a_gate_check_that_is_right():
    gate_check(gate(lambda candidate, champion: Check("mine", "pass", candidate.name)), name="planted")
    report = check_plugin("planted", "gate_check")
    assert report
    assert report.checks[2].detail == "pass against a champion, pass without one"


def test_an_importer_that_does_not_build():
    def read():
        """Fails."""
        raise RuntimeError("never")

    assert failed("importer", read, columns=("a",))[0] == "builds"


# How it is asked, and what it says.


def test_what_a_person_reads():
    decision_source(peeks, whole_tape=True, name="planted")
    report = check_plugin("planted")
    assert repr(report) == "<PluginReport planted: 6 checks, failed: no look-ahead>"
    lines = report.describe()
    assert lines[0] == "passed  says what it is: Knows the next price."
    assert lines[-1].startswith("FAILED  no look-ahead: with the future after row ")
    assert repr(check_plugin("hold")) == "<PluginReport hold: 7 checks, all passed>"


def test_what_is_not_there():
    with pytest.raises(UnknownName, match="unknown kind of plugin 'metrics'; did you mean 'metric'"):
        check_plugin("sharpe_ratio", "metrics")
    with pytest.raises(UnknownName, match="did you mean 'momentum'"):
        check_plugin("momentun")
    with pytest.raises(InputError, match="a sizer is named by its reference"):
        check_plugin(lambda view, decisions: decisions.size, "sizer")
    assert {importer.kind, metric.kind, sizer.kind, risk_filter.kind} <= set(Registry.kinds)
