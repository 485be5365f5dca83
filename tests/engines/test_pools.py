"""Engines: the same results everywhere, a user's mistake as it is, a lost process for the price of its piece."""

import os

import numpy as np
import pytest
from engine_jobs import Dies, Fails, Squares, WontOpen

from rook_bench.core import ConfigError, InputError
from rook_bench.engines import Threads, engine_of
from rook_bench.engines.processes import Processes

ENGINES = [Threads(1), Threads(3), Processes(2)]
NAMES = ["here", "threads", "processes"]


@pytest.mark.parametrize("engine", ENGINES, ids=NAMES)
class TestEveryEngine:
    def test_gives_each_piece_once_with_its_place(self, engine):
        numbers = np.arange(50) / 7
        found = list(engine.results(Squares(numbers), list(range(50))))
        assert sorted(place for place, _ in found) == list(range(50))
        assert all(result == float(numbers[place]) ** 2 for place, result in found)

    def test_nothing_to_do_is_nothing_done(self, engine):
        assert list(engine.results(WontOpen(), [])) == []

    def test_a_users_mistake_comes_out_as_it_is(self, engine):
        with pytest.raises(InputError, match=r"^somewhere: piece three is bad; mend it$"):
            list(engine.results(Fails(), list(range(6))))

    def test_so_does_one_before_the_first_piece(self, engine):
        with pytest.raises(InputError, match=r"^job: can't be made ready$"):
            list(engine.results(WontOpen(), [1, 2, 3]))

    def test_may_be_left_in_the_middle(self, engine):
        results = engine.results(Squares(np.arange(100.0)), list(range(100)))
        next(results)
        results.close()


def test_threads_stay_few_pieces_ahead():
    begun = []

    class Counting:
        def open(self):
            return begun.append

    results = Threads(2).results(Counting(), list(range(100)))
    next(results)
    assert len(begun) < 20
    results.close()


class TestLostProcesses:
    def test_one_costs_its_piece_and_another_does_it(self, tmp_path, caplog):
        found = dict(Processes(2).results(Dies(tmp_path, piece=4, times=1), list(range(12))))
        assert found == {place: place * 10 for place in range(12)}
        assert len(list(tmp_path.iterdir())) == 1
        assert "a process was lost" in caplog.text

    def test_a_piece_that_always_ends_its_process_is_named(self, tmp_path):
        with pytest.raises(InputError, match=r"computed piece \d+ of 6 was lost 3 times.*memory"):
            list(Processes(1).results(Dies(tmp_path, piece=4, times=99), list(range(6))))
        assert len(list(tmp_path.iterdir())) == 3


class TestChoosing:
    def test_threads_for_each_core_by_default(self):
        assert engine_of().workers == len(os.sched_getaffinity(0))
        assert str(engine_of(threads=1)) == "this process"
        assert str(engine_of(threads=2)) == "2 threads"
        assert str(engine_of(processes=3)) == "3 processes"

    @pytest.mark.parametrize(
        ("asked", "message"),
        [
            ({"threads": 2, "processes": 2}, "threads and processes are asked for; choose one"),
            ({"threads": 0}, "0 threads"),
            ({"shared": "x"}, "give the cluster too"),
        ],
    )
    def test_what_can_not_be_is_refused(self, asked, message):
        with pytest.raises(ConfigError, match=message):
            engine_of(**asked)

    def test_no_cluster_is_said_in_a_line(self, monkeypatch):
        pytest.importorskip("ray")
        monkeypatch.setenv("RAY_ADDRESS", "")
        with pytest.raises(InputError, match=r"no Ray cluster answers .*ray start --head"):
            engine_of(ray="auto")
