"""Reports and gates in a second, for tests that are about neither pictures nor the look-ahead check."""

from contextlib import contextmanager
from itertools import islice

import pytest

PLACES, MANY_PLACES = 6, 48
"""Places at which a gate asks a source again, each time in a process of its own; and those that it is shipped with."""

IN_A_PROCESS = f"""
from itertools import islice
from rook_bench.report import pictures
from rook_bench.sources import lookahead
drawn = pictures.pictures
pictures.pictures = lambda entries, asked: islice(drawn(entries, asked), 1)
lookahead.MANY_CUTS = {PLACES}
"""
"""Code that does the same in a process of its own, before its command line begins."""

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a4944415478da636000000002000148afa471"
    "0000000049454e44ae426082"
)
"""A picture of one black point."""


def draw_nothing(patch):
    """Pictures are composed and not drawn, which takes most of their time."""
    from rook_bench.report.charts.canvas import Picture

    patch.setattr(Picture, "to_png", lambda self: PNG)


def draw_one(patch):
    """Reports with their first picture only."""
    from rook_bench.report import pictures

    drawn = pictures.pictures
    patch.setattr(pictures, "pictures", lambda entries, asked: islice(drawn(entries, asked), 1))


def ask_at_few_places(patch):
    """A gate asks at few places; what the check finds is tried in tests/sources and tests/replay."""
    from rook_bench.sources import lookahead

    patch.setattr(lookahead, "MANY_CUTS", PLACES)


@contextmanager
def quickly():
    """All of that, for fixtures that outlive a test."""
    with pytest.MonkeyPatch.context() as patch:
        for change in (draw_nothing, draw_one, ask_at_few_places):
            change(patch)
        yield
