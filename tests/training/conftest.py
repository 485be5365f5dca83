"""Training runs of seconds: what does not depend on the run is worked out once."""

import pytest

from rook_bench.training import ceiling, data


@pytest.fixture(scope="session")
def _known():
    return {}


@pytest.fixture(autouse=True)
def _once(monkeypatch, prepared, _known):
    """The same folder read, and the same rows' ceiling fitted, a second time gives what it gave the first time.

    Half of a short run's time went there. Only `prepared` is remembered, which no test writes to.
    """

    def read(folder, template, seq_len=None):
        if folder != prepared:
            return data.read_training_data(folder, template, seq_len)
        key = ("data", template.sha256, seq_len)
        if key not in _known:
            _known[key] = data.read_training_data(folder, template, seq_len)
        return _known[key]

    def fitted(found, train, seed):
        key = ("ceiling", found.data_hash, found.prompts.shown.tobytes(), found.side.tobytes(), train.tobytes(), seed)
        if key not in _known:
            _known[key] = ceiling.prompt_ceiling(found, train, seed)
        return _known[key]

    monkeypatch.setattr("rook_bench.training.fit.read_training_data", read)
    monkeypatch.setattr("rook_bench.training.fit.prompt_ceiling", fitted)


@pytest.fixture
def no_picture(monkeypatch):
    """Drawing takes a third of such a short run's time, and is looked at elsewhere."""
    monkeypatch.setattr("rook_bench.report.charts.training.draw_training", lambda *arguments: b"")
