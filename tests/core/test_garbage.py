"""The garbage collector at rest: it is as it was afterwards, whatever happens."""

import gc

import pytest

from rook_bench.core.garbage import collected_seldom, uncollected


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


def test_the_collector_s_thresholds_are_as_they_were():
    was = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), collected_seldom():
        assert gc.isenabled()
        assert gc.get_threshold() > was
        1 / 0  # noqa: B018
    assert gc.get_threshold() == was
