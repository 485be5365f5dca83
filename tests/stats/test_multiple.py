"""Many candidates: false findings, power, and agreement with the library underneath."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from rook_bench.stats import (
    long_run_variance,
    model_confidence_set,
    multiple,
    stepwise_multiple_test,
    superior_predictive_ability,
)
from rook_bench.stats.multiple import _means


def rng(seed=5):
    return np.random.default_rng(seed)


def candidates(means, n=400, seed=0):
    noise = np.random.default_rng(seed).normal(size=(len(means), n))
    return {f"c{place}": row + mean for place, (row, mean) in enumerate(zip(noise, means, strict=True))}


def test_one_clear_winner():
    good, bad = candidates([0.0, 0.3, 0.0]), candidates([-0.1, -0.2, -0.3])
    assert superior_predictive_ability(good, rng=rng()).value < 0.01
    assert superior_predictive_ability(bad, rng=rng()).value > 0.3


def test_few_false_findings():
    """At the edge of the null at most 5% (and not nearly none) of 150 panels are below 0.05."""
    values = [
        superior_predictive_ability(
            candidates([0.0] * 4, n=100, seed=seed), rng=rng(seed), replications=100, block=1
        ).value
        for seed in range(150)
    ]
    found = int(np.sum(np.array(values) <= 0.05))
    assert scipy_stats.binomtest(found, 150, 0.05, alternative="greater").pvalue > 1e-3
    assert found > 0


def test_the_candidate_that_varies_most_does_not_decide():
    """SPA is studentised: a wild candidate of no skill does not hide a calm one that has it."""
    panel = candidates([0.25, 0.0])
    panel["c1"] = 30 * panel["c1"]
    assert superior_predictive_ability(panel, rng=rng()).value < 0.01


def test_hopeless_candidates_do_not_weaken_spa():
    panel = candidates([0.16] + [-1.0] * 30)
    assert superior_predictive_ability(panel, rng=rng()).value < 0.02


def test_spa_and_stepwise_are_those_of_arch_on_studentised_differences():
    """Some candidates are bad enough that the consistent p-value is neither the lower nor the upper."""
    from arch.bootstrap import SPA, StepM

    panel = candidates([0.1, 0.06, -0.02, -0.3, -0.4])
    scaled = np.column_stack([row / np.sqrt(long_run_variance(row)) for row in panel.values()])
    theirs = SPA(np.zeros(400), -scaled, block_size=2, reps=1000, seed=rng())
    theirs.compute()
    values = [(theirs.pvalues[kind] * 1000 + 1) / 1001 for kind in ("lower", "consistent", "upper")]
    assert len(set(values)) == 3
    ours = superior_predictive_ability(panel, rng=rng(), block=2)
    assert ours.value == pytest.approx(values[1])
    for size in (0.05, 0.1, 0.2, 0.3):
        steps = StepM(np.zeros(400), -scaled, size=size, block_size=2, reps=1000, seed=rng())
        steps.compute()
        found = stepwise_multiple_test(panel, rng=rng(), size=size, block=2)
        assert found.names == tuple(f"c{place}" for place in steps.superior_models)


def test_the_dummy_candidate_leaves_critical_values_alone():
    """A lone candidate is found at exactly the sizes above its own p-value."""
    for seed in range(20):
        panel = candidates([0.09], seed=seed)
        p_value = superior_predictive_ability(panel, rng=rng(), block=1).value
        for size in (p_value - 0.01, p_value + 0.01):
            if 0 < size < 1:
                found = stepwise_multiple_test(panel, rng=rng(), size=size, block=1)
                assert (found.names == ("c0",)) == (size > p_value)


def test_a_p_value_is_never_zero():
    assert superior_predictive_ability(candidates([3.0]), rng=rng(), replications=99).value == pytest.approx(0.01)


def test_a_benchmark_is_subtracted():
    panel, market = candidates([0.2, 0.0]), 5 * rng(1).normal(size=400)
    moved = {name: values + market for name, values in panel.items()}
    expected = superior_predictive_ability(panel, rng=rng(), block=2)
    assert superior_predictive_ability(moved, market, rng=rng(), block=2).value == pytest.approx(expected.value)
    assert "mean block 2" in expected.convention


def test_stepwise_finds_all_that_are_better_and_no_other():
    found = stepwise_multiple_test(candidates([0.4, 0.0, 0.3, -0.2]), rng=rng())
    assert found.names == ("c0", "c2")
    assert found.defined
    assert found.n == 400
    assert stepwise_multiple_test(candidates([0.0, -0.1]), rng=rng()).names == ()


@pytest.mark.parametrize("seed", range(12))
def test_stepwise_survives_when_all_are_better(seed):
    """Found in two steps: one clear, one only after the first is taken out of the comparison."""
    panel = candidates([1.0, 0.1, 0.105, 0.11], seed=seed)
    names = stepwise_multiple_test(panel, rng=rng(), replications=200, size=0.4).names
    assert "c0" in names


def test_stepwise_needs_its_dummy_candidate():
    """arch fails alone on such a panel; when it no longer does, the dummy can go."""
    from arch.bootstrap import StepM

    failures = 0
    for seed in range(12):
        losses = -np.column_stack(list(candidates([1.0, 0.1, 0.105, 0.11], seed=seed).values()))
        try:
            StepM(np.zeros(400), losses, size=0.4, block_size=1, reps=200, seed=rng()).compute()
        except ValueError:
            failures += 1
    assert failures > 0


def test_confidence_set_keeps_the_best_and_its_equals():
    kept = model_confidence_set(candidates([0.0, 0.5, 0.48, -0.5]), rng=rng())
    assert kept.names == ("c1", "c2")
    assert kept.p_values["c1"] == 1
    assert list(kept.p_values) == ["c0", "c1", "c2", "c3"]
    assert kept.p_values["c3"] <= 0.05


def test_a_confidence_set_of_many_observations_is_made_of_their_means(monkeypatch):
    panel = candidates([0.0, 0.5, 0.48, -0.5], n=4001)
    whole = model_confidence_set(panel, rng=rng())
    monkeypatch.setattr(multiple, "LONGEST", 500)
    sizes = []
    monkeypatch.setattr(multiple, "_means", lambda columns, each: sizes.append(each) or _means(columns, each))
    kept = model_confidence_set(panel, rng=rng())
    assert sizes == [9]
    assert kept.names == whole.names
    assert kept.n == whole.n == 4001
    assert "of means of 9 observations" in kept.convention
    assert "of means" not in whole.convention
    for name in panel:
        assert kept.p_values[name] == pytest.approx(whole.p_values[name], abs=0.1)


def test_means_keep_every_sum():
    columns = np.random.default_rng(3).normal(size=(1003, 2))
    means = _means(columns, 10)
    assert means.shape == (101, 2)
    np.testing.assert_allclose(10 * means.sum(axis=0), columns.sum(axis=0))
    np.testing.assert_allclose(means[3], columns[30:40].mean(axis=0))


def test_confidence_set_with_twins():
    panel = candidates([0.0, 0.5])
    panel["twin"] = panel["c1"].copy()
    kept = model_confidence_set(panel, rng=rng())
    assert kept.names == ("c1", "twin")
    assert kept.p_values["twin"] == kept.p_values["c1"] == 1


def test_confidence_set_of_noise_keeps_the_truly_best():
    """All are equally good, so that each stays in at least 95% of sets."""
    kept = [
        len(
            model_confidence_set(
                candidates([0.0] * 3, n=100, seed=seed), rng=rng(seed), replications=100, block=1
            ).names
        )
        for seed in range(80)
    ]
    assert scipy_stats.binomtest(sum(size == 3 for size in kept), 80, 0.95, alternative="less").pvalue > 1e-3


def test_a_candidate_that_never_trades_is_left_out_by_name():
    panel = candidates([0.4, 0.0]) | {"idle": np.zeros(400)}
    estimate = superior_predictive_ability(panel, rng=rng())
    assert estimate.value < 0.01
    assert "left out: idle (the series does not vary)" in estimate.convention
    assert stepwise_multiple_test(panel, rng=rng()).names == ("c0",)


@pytest.mark.parametrize(
    ("panel", "because"),
    [
        ({}, "no candidate"),
        ({"idle": np.zeros(100)}, "idle (the series does not vary)"),
        ({"short": np.arange(5.0)}, "5 observations are too few"),
        ({"broken": np.r_[np.arange(30.0), np.nan], "fine": np.arange(31.0)}, "not finite"),
    ],
)
def test_undefined_says_why(panel, because):
    assert because in superior_predictive_ability(panel, rng=rng()).undefined_because
    found = stepwise_multiple_test(panel, rng=rng())
    assert because in found.undefined_because
    assert (found.names, found.p_values, found.defined) == ((), {}, False)


def test_a_confidence_set_needs_two_that_differ():
    series = rng().normal(size=100)
    for panel in ({}, {"one": series}, {"one": series, "same": series.copy()}):
        assert "at least two" in model_confidence_set(panel, rng=rng()).undefined_because
    shifted = model_confidence_set({"one": series, "two": rng(1).normal(size=100), "up": series + 1}, rng=rng())
    assert shifted.undefined_because == "one minus up: the series does not vary"


def test_lengths_and_blocks_must_fit():
    panel = candidates([0.0, 0.0])
    with pytest.raises(ValueError, match="different buckets"):
        superior_predictive_ability(panel | {"long": np.arange(401.0)}, rng=rng())
    with pytest.raises(ValueError, match="different buckets"):
        superior_predictive_ability(panel, np.arange(401.0), rng=rng())
    with pytest.raises(ValueError, match="block"):
        superior_predictive_ability(panel, rng=rng(), block=0)


def test_the_same_generator_gives_the_same_answer():
    panel = candidates([0.05, 0.0])
    assert superior_predictive_ability(panel, rng=rng(1)) == superior_predictive_ability(panel, rng=rng(1))
    assert model_confidence_set(panel, rng=rng(1)) == model_confidence_set(panel, rng=rng(1))
