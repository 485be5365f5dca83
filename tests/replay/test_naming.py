"""Names that tell sources apart: unique, short enough, the same whatever the order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.replay.naming import names_of, shorten
from rook_bench.replay.run import short_name

FAST = "momentum:lookback=5,threshold_bps=2.5,size=0.031"
SLOW = "momentum:lookback=50,threshold_bps=20,size=0.1"


@pytest.mark.parametrize(
    ("references", "names"),
    [
        (["rules:strategies/data_driven.json", "hold"], ["rules:data_driven.json", "hold"]),
        (["rules:A/data.json", "rules:B/data.json"], ["rules:A/data.json", "rules:B/data.json"]),
        (["rules:x/A/r.json", "rules:y/A/r.json", "rules:B/r.json"], ["rules:x/A/r.json", "rules:y/A/r.json", "rules:B/r.json"]),
        (["lora:/a/exp1/final", "lora:/a/exp2/final/"], ["lora:exp1/final", "lora:exp2/final"]),
        (["a/mine.py@fade:0.2", "b/mine.py@fade:0.2"], ["a/mine.py@fade:0.2", "b/mine.py@fade:0.2"]),
        # A parameter that all share says nothing here; one that a lone source was given does.
        (["momentum:lookback=5,size=0.1", "momentum:lookback=9,size=0.10"], ["momentum:lookback=5", "momentum:lookback=9"]),
        (["momentum:lookback=5,size=0.1", "hold"], ["momentum:lookback=5,size=0.1", "hold"]),
        # The defaults of momentum are lookback 20 and size 0.05.
        (["momentum:lookback=5,size=0.05", "hold"], ["momentum:lookback=5", "hold"]),
        (["momentum:size=0.05", "momentum:lookback=50"], ["momentum", "momentum:lookback=50"]),
        (["momentum", "momentum:lookback=20"], ["momentum", "momentum:lookback=20"]),
        (["nobody:knows=me", "hold"], ["nobody:knows=me", "hold"]),
        (["momentum", "hold", "momentum", "momentum"], ["momentum", "hold", "momentum (2)", "momentum (3)"]),
    ],
)  # fmt: skip
def test_shortest_that_tell_apart(references, names):
    assert names_of(references) == names


@pytest.mark.parametrize(
    ("references", "names"),
    [
        # Every value that differs stays; the names of the parameters give way.
        ([FAST, SLOW, "hold"], ["momentum:lo=5,th=2.5,si=0.031", "momentum:lo=50,th=20,si=0.1", "hold"]),
        ([FAST, "hold"], ["momentum:lookback=5,\N{HORIZONTAL ELLIPSIS}", "hold"]),
        # The difference stands in the middle, where a cut would be.
        (
            [f"lora:an_adapter_with_a_long_name_{size}_trained_for_many_hours" for size in ("8", "16")],
            ["lora:an\N{HORIZONTAL ELLIPSIS}_name_8_trained\N{HORIZONTAL ELLIPSIS}_hours", "lora:an\N{HORIZONTAL ELLIPSIS}_name_16_traine\N{HORIZONTAL ELLIPSIS}_hours"],
        ),
        # An argument that is the same in all says nothing.
        (
            [f"lora:{'long_name_' * 4},engine={engine}" for engine in ("torch", "int8")],
            ["lora:\N{HORIZONTAL ELLIPSIS},engine=torch", "lora:\N{HORIZONTAL ELLIPSIS},engine=int8"],
        ),
    ],
)  # fmt: skip
def test_what_differs_is_not_cut_away(references, names):
    assert names_of(references, longest=30) == names


def test_an_alias_is_the_name():
    references = [FAST, SLOW, "hold"]
    assert names_of(references, aliases=["fast", None, None]) == [
        "fast",
        "momentum:lookback=50,threshold_bps=20,size=0.1",
        "hold",
    ]
    assert names_of(references, aliases=["fast", "fast", None]) == ["fast", "fast (2)", "hold"]
    assert names_of(references, aliases=["hold", None, None], longest=30)[::2] == ["hold (2)", "hold"]
    assert len(names_of(["hold"], aliases=["a" * 50], longest=30)[0]) == 30


WORDS = st.text("ab/.:=,@_ 0", max_size=6)
FOLDERS = st.lists(st.sampled_from(["exp1", "exp2", "a_long_folder_name", "final", "."]), min_size=1, max_size=4).map(
    "/".join
)
NUMBERS = st.sampled_from(["1", "1.0", "5", "20", "0.05", "0.0500000000000000000001", "a/b.json", ""])
PARAMETERS = st.dictionaries(st.sampled_from(["lookback", "size", "size_bps", "s"]), NUMBERS, max_size=4).map(
    lambda chosen: ",".join(f"{key}={value}" for key, value in chosen.items())
)
REFERENCES = st.one_of(
    WORDS,
    st.builds("{}:{}".format, st.sampled_from(["momentum", "lora", "dir/mine.py@fade"]), FOLDERS),
    st.builds("{}:{}".format, st.sampled_from(["momentum", "lora", "dir/mine.py@fade"]), PARAMETERS),
    st.builds("{}:{},{}".format, st.sampled_from(["momentum", "lora"]), FOLDERS, PARAMETERS),
)
LISTS = st.lists(REFERENCES, min_size=1, max_size=7, unique=True)


@given(LISTS, st.none() | st.integers(8, 40), st.randoms(use_true_random=False))
def test_unique_short_and_stable(references, longest, random):
    names = names_of(references, longest=longest)
    assert len(set(names)) == len(names)
    assert longest is None or max(map(len, names)) <= longest
    order = list(range(len(references)))
    random.shuffle(order)
    assert names_of([references[place] for place in order], longest=longest) == [names[place] for place in order]


@given(LISTS)
def test_no_name_is_longer_than_what_was_written(references):
    assert all(len(name) <= len(reference) for name, reference in zip(names_of(references), references, strict=True))


@given(st.lists(st.sampled_from([FAST, "hold", "momentum"]), min_size=1, max_size=9), st.integers(8, 40))
def test_repeated_sources_are_told_apart(references, longest):
    names = names_of(references, longest=longest)
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= longest


def test_a_lone_source_is_called_what_its_run_is():
    for reference in ("rules:/a/b/data_driven.json", "strategies/mine.py@fade:0.2", "hold", "random:0.16"):
        assert names_of([reference]) == [short_name(reference)]


def test_the_middle_is_left_out():
    assert shorten("a" * 20, 20) == "a" * 20
    cut = shorten("rules:" + "x" * 100 + "end", 30)
    assert len(cut) == 30
    assert cut.startswith("rules:")
    assert cut.endswith("end")
