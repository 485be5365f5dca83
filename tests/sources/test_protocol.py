"""What a source may be: a function or an object, built once, told what it needs."""

from functools import partial

import numpy as np
import pytest

from rook_bench.core import ConfigError, Decision, InputError, Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.sources import Ask, Source
from rook_bench.sources.bare import BareFunction, as_source
from rook_bench.sources.decide import decide
from rook_bench.sources.lookahead import check_source
from rook_bench.sources.protocol import ShowsPrompts, TakesNotes, WholeTapeSource


class Model:
    """Stands for a source that loads something dear."""

    loaded = 0

    def __init__(self):
        Model.loaded += 1
        self.asks = []

    def decide(self, view, ask):
        self.asks.append(ask)
        return DecisionTape.from_sides(np.full(ask.rows, Side.BUY), 0.1)

    def prompts(self, view):
        return [f"{price:.1f}" for price in view["price"]]

    def notes(self):
        return [f"asked {len(self.asks)} times"]


def counting_model():
    """Loads something dear."""
    return Model()


@pytest.fixture
def source(registered):
    Model.loaded = 0
    return registered(counting_model)


def test_one_object_serves_one_source(source, short_tape):
    source.ask(short_tape)
    source.ask(short_tape, head=20)
    assert source.prompts(short_tape, 3) == [f"{price:.1f}" for price in short_tape.price[:3]]
    assert source.notes() == ["asked 2 times"]
    assert Model.loaded == 1


def test_deciding_and_its_notes_are_of_one_object(source, short_tape):
    decided = decide(source, short_tape, fresh=True)
    assert decided.notes == ("asked 1 times",)
    assert Model.loaded == 1


def test_made_anew_it_is_another_object(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from rook_bench import decision_source\n\nclass Kept:\n    def decide(self, view, ask): ...\n\n"
        "@decision_source\ndef mine(size: float = 0.1):\n    '''.'''\n    return Kept()\n"
    )
    source = Source.parse(f"{path}@mine:size=0.3")
    again = source.anew()
    assert again.built is not source.built
    assert type(again.built) is not type(source.built)  # the file was read again
    assert (again.reference, again.spec, again.choice.params) == (source.reference, source.spec, source.choice.params)


def test_a_built_in_made_anew_is_another_object():
    source = Source.parse("momentum")
    assert source.anew().built is not source.built
    assert source.anew().content == source.content


def test_what_it_is_told(source, short_tape):
    source.ask(short_tape, 5, head=7, progress=True, fresh=True)
    (ask,) = source.built.asks
    assert (ask.rows, ask.data_hash, ask.fresh, ask.progress) == (7, short_tape.data_hash, True, True)
    assert ask.rng.random() == np.random.default_rng(5).random()
    with pytest.raises(AttributeError):
        ask.rows = 3


def test_it_may_answer_for_every_row_or_for_those_asked(registered, short_tape):
    def every():
        """All rows of the view."""

        class Every:
            def decide(self, view, ask):
                return DecisionTape.from_sides(np.full(len(view), Side.BUY), 0.1)

        return Every()

    assert len(registered(every).ask(short_tape, head=12)) == 12
    assert len(Source.of(Model()).ask(short_tape, head=12)) == 12


def test_without_notes_and_prompts(short_tape):
    source = Source.parse("hold")
    assert source.notes() == []
    assert source.prompts(short_tape, 5) is None


@pytest.mark.parametrize("whole_tape", [True, False])
def test_a_function_takes_the_view_or_the_ask_too(registered, short_tape, whole_tape):
    tape = short_tape[:30]

    def answer(size):
        return DecisionTape.from_sides(np.full(30, Side.BUY), size) if whole_tape else Decision(Side.BUY, size=size)

    def alone():
        """Takes the view."""
        return lambda view: answer(0.25)

    def bound():
        """A default is no second argument."""
        return lambda view, size=0.25: answer(size)

    def told():
        """Takes the ask, whatever it calls it."""
        return lambda view, whatever: answer(whatever.rows / 120)

    def partly():
        """A function with an argument given already."""
        return partial(lambda size, view: answer(size), 0.25)

    for factory in (alone, bound, told, partly):
        decisions = registered(factory, whole_tape=whole_tape).ask(tape)
        assert set(decisions.size) == {0.25}, factory.__name__


@pytest.mark.parametrize(
    ("function", "needs"),
    [
        (lambda: None, "nothing"),
        (lambda view, rng, rows: None, "view, rng, rows"),
        (lambda view, *, rng: None, "view, rng"),
    ],
)
def test_a_function_that_takes_something_else(function, needs):
    with pytest.raises(ConfigError, match=rf"source odd: a function that needs {needs}; write decide\(view\) or"):
        BareFunction(function, lambda: function, whole_tape=False, name="odd")


def test_a_factory_that_makes_nothing_of_use():
    with pytest.raises(ConfigError, match="source odd: its factory returned NoneType and neither a function nor an"):
        as_source(lambda: None, whole_tape=False, name="odd")


def test_a_whole_tape_from_a_function_that_was_asked_for_a_row(registered, short_tape):
    def forgot():
        """Forgot to say whole_tape."""
        return lambda view: DecisionTape.from_sides(np.full(len(view), Side.BUY), 0.1)

    with pytest.raises(InputError, match="returned DecisionTape instead of a Decision; decorate .* whole_tape=True"):
        registered(forgot).ask(short_tape[:5])


def test_what_a_function_keeps_from_row_to_row_begins_afresh(registered, short_tape):
    """A cooldown of three rows, kept in the closure: legitimate, and no leak."""

    def rests():
        """Buys, then rests for three swaps."""
        kept = {"left": 0}

        def decide(view):
            kept["left"] = kept["left"] - 1 if kept["left"] else 3
            return Decision(Side.BUY, size=0.1) if kept["left"] == 3 else Decision.hold()

        return decide

    source = registered(rests)
    first = source.ask(short_tape[:10])
    assert first.counts()["BUY"] == 3
    assert source.ask(short_tape[:10]).to_bytes() == first.to_bytes()
    assert check_source(source, short_tape, source.ask(short_tape)).status == "clean"


def test_an_object_that_fits_itself_to_the_first_tape_it_sees(registered, short_tape):
    """The classic leak of an object, by accident as a rule; it needs no gate to be found."""

    class Fits:
        mean = None

        def decide(self, view, ask):
            self.mean = view["price"].mean() if self.mean is None else self.mean
            return DecisionTape.from_sides(np.where(view["price"] > self.mean, Side.SELL, Side.BUY), 0.1)

    def fits():
        """Scales by the mean of its first tape."""
        return Fits()

    source = registered(fits)
    assert check_source(source, short_tape, source.ask(short_tape)).status == "leak"


def test_a_leaky_prompt_of_an_object_is_found(short_tape, registered):
    class Shows(Model):
        def prompts(self, view):
            return [f"{price:.6f}" for price in np.append(view["price"][1:], view["price"][-1])]

    def shows():
        """Shows the next price to nobody."""
        return Shows()

    source = registered(shows)
    found = check_source(source, short_tape, source.ask(short_tape))
    assert found.status == "leak"
    assert "the prompt of row" in found.detail


def test_protocols_are_told_by_their_methods():
    assert isinstance(Model(), WholeTapeSource | ShowsPrompts | TakesNotes)
    assert not isinstance(lambda view: None, WholeTapeSource)
    assert not isinstance(as_source(lambda: lambda view: None, whole_tape=False, name=""), ShowsPrompts)


def test_an_ask_of_ones_own(short_tape):
    from rook_bench.market.view import MarketView

    tape = Source.parse("random:0.5").answer(MarketView.whole(short_tape), Ask(9, np.random.default_rng(2)))
    assert tape.to_bytes() == Source.parse("random:0.5").ask(short_tape, 2, head=9).to_bytes()
