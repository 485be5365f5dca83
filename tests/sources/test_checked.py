"""What the look-ahead check found is kept with the decisions, and read only where it is theirs."""

import json

import pytest

from rook_bench.core import Decision, Side
from rook_bench.core.cache_folder import cache_folder
from rook_bench.sources import Source, decide
from rook_bench.sources import checked as module


@pytest.fixture
def asked(monkeypatch):
    """How often the check was made."""
    made = []
    real = module.check_source
    monkeypatch.setattr(module, "check_source", lambda *a, **k: made.append(1) or real(*a, **k))
    return made


@pytest.fixture
def file(short_tape):
    key = decide(Source.parse("momentum"), short_tape).key
    return cache_folder() / "decisions" / f"{key}.lookahead.json"


def test_decisions_that_are_kept_are_checked_once(short_tape, asked):
    source = Source.parse("momentum:lookback=7")
    first = module.checked(decide(source, short_tape, fresh=True), short_tape)
    again = module.checked(decide(source, short_tape), short_tape)
    assert (first, len(asked)) == (again, 1)
    module.checked(decide(source, short_tape, fresh=True), short_tape)
    assert len(asked) == 2


def test_a_leak_stays_found(short_tape, asked, tmp_path, monkeypatch):
    plugin = tmp_path / "peeking.py"
    plugin.write_text(
        "import numpy as np\n"
        "from rook_bench import DecisionTape, Side, decision_source\n\n\n"
        "@decision_source(whole_tape=True)\n"
        "def peeking():\n"
        "    def decide(view):\n"
        "        price = view['price']\n"
        "        later = np.append(price[1:], price[-1])\n"
        "        return DecisionTape.from_sides(np.where(later > price, Side.BUY, Side.SELL), 0.1)\n\n"
        "    return decide\n"
    )
    source = Source.parse(f"{plugin}@peeking")
    found = [module.checked(decide(source, short_tape), short_tape).status for _ in range(2)]
    assert (found, len(asked)) == (["leak", "leak"], 1)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"decisions": 1}'])
def test_a_damaged_file_is_made_again(short_tape, asked, file, content):
    source = Source.parse("momentum")
    module.checked(decide(source, short_tape, fresh=True), short_tape)
    file.write_text(content)
    assert module.checked(decide(source, short_tape), short_tape).status == "clean"
    assert len(asked) == 2


def test_that_of_other_decisions_is_not_taken(short_tape, asked, file):
    source = Source.parse("momentum")
    module.checked(decide(source, short_tape, fresh=True), short_tape)
    facts = json.loads(file.read_text())
    file.write_text(json.dumps(facts | {"decisions": "0" * 64}))
    module.checked(decide(source, short_tape), short_tape)
    assert len(asked) == 2


def test_a_function_whose_values_change_is_checked_again(short_tape, asked):
    share = [0.1]

    def mine(view):
        return Decision(Side.BUY, size=share[0])

    source = Source.of(mine)
    for size in (0.1, 0.1, 0.2):
        share[0] = size
        decided = decide(source, short_tape)
        assert decided.tape.size[0] == size
        module.checked(decided, short_tape)
    assert len(asked) == 2
