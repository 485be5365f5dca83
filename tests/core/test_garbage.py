"""Imports without the garbage collector: it is as it was afterwards, whatever happens."""

import gc

import pytest

from rook_bench.core.garbage import uncollected


@pytest.mark.parametrize("collecting", [True, False])
def test_the_collector_is_as_it_was(collecting):
    was = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        with pytest.raises(ImportError), uncollected():
            assert not gc.isenabled()
            import no_such_module  # noqa: F401
        assert gc.isenabled() == collecting
    finally:
        (gc.enable if was else gc.disable)()
