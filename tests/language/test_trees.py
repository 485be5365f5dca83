"""Boosted trees as arrays: what the library that fitted them would say, from a file that runs nothing."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from rook_bench.core import InputError
from rook_bench.language.trees import Trees


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    table = np.column_stack([rng.normal(size=2000), rng.integers(0, 100, 2000), rng.normal(size=2000)])
    goal = np.sin(table[:, 0]) + (table[:, 1] > 40) * table[:, 2] + rng.normal(0, 0.1, 2000)
    model = HistGradientBoostingRegressor(max_iter=40, random_state=0).fit(table, goal)
    return model, table, rng.normal(0, 30, (500, 3))


def test_they_say_what_the_library_says(fitted):
    model, table, others = fitted
    trees = Trees.of(model)
    for rows in (table, others, table[:1], table[:0]):
        expected = model.predict(rows) if len(rows) else np.empty(0)
        np.testing.assert_allclose(trees(rows), expected, rtol=1e-12, atol=1e-12)


def test_a_stump_of_one_leaf(fitted):
    _, table, _ = fitted
    model = HistGradientBoostingRegressor(max_iter=1).fit(table, np.ones(len(table)))
    np.testing.assert_allclose(Trees.of(model)(table), 1.0)


def test_to_disk_and_back(fitted, tmp_path):
    trees = Trees.of(fitted[0])
    trees.save(tmp_path / "trees.npz")
    np.testing.assert_array_equal(Trees.load(tmp_path / "trees.npz")(fitted[1]), trees(fitted[1]))


@pytest.mark.parametrize("harm", ["cut", "text", "missing", "loop", "beyond", "pickle"])
def test_other_files_are_refused(harm, fitted, tmp_path):
    path = tmp_path / "trees.npz"
    trees = Trees.of(fitted[0])
    trees.save(path)
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:200])
    elif harm == "text":
        path.write_text("trees")
    else:
        arrays = {name: getattr(trees, name) for name in Trees.__dataclass_fields__}
        if harm == "missing":
            del arrays["left"]
        if harm == "loop":
            arrays["left"] = np.zeros_like(arrays["left"])
        if harm == "beyond":
            arrays["right"] = arrays["right"] + 10_000
        if harm == "pickle":
            arrays["value"] = np.array([print], dtype=object)
        np.savez(path, **arrays)
    with pytest.raises(InputError, match="no readable file of trees"):
        Trees.load(path)
