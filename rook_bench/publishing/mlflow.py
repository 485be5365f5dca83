"""Runs, models and the champion in an MLflow tracking server and its model registry, by MLflow's own client."""

from __future__ import annotations

import getpass
import importlib.util
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from rook_bench.core import ConfigError, InputError, UnknownName
from rook_bench.core.untrusted import word
from rook_bench.publishing.tracked import PROMOTED, Tracked

NAME = "mlflow"
EXPERIMENT, MODEL, ALIAS = "rook-bench", "rook-bench", "champion"
"""Where runs go, the registered model, and the alias that its present version has, unless others are asked for."""

URI_VARIABLE, EXPERIMENT_VARIABLE = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
"""MLflow's own."""

ATTEMPTS, PATIENCE_S = "2", "30"
"""How often the client asks again after a passing trouble, and how long it waits: its own seven and two minutes keep a
verb for a quarter of an hour on a server that is gone."""

MOST_TEXT = {"param": 6000, "tag": 5000}
"""Characters that MLflow keeps of a value (8,000 of a tag on newer servers)."""

MOST_FIGURES = 500
"""Of one request, half of what MLflow takes."""

_NAME = re.compile(r"[\w. -]{1,120}")

_SCHEMES = ("http", "https", "file", "sqlite", "postgresql", "mysql", "mssql", "databricks", "databricks-uc", "uc")


@dataclass(frozen=True)
class Target:
    """Where to track: `mlflow:URI`, with `,experiment=NAME` and `,model=NAME` after it.

    Attributes:
        uri: of the tracking server; None takes MLflow's own MLFLOW_TRACKING_URI.
        experiment: where runs go; model: the registered model whose alias names the champion.
    """

    uri: str
    experiment: str = EXPERIMENT
    model: str = MODEL

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read it as it is written on a command line.

        Raises:
            ConfigError, UnknownName: for another tracker, no address, one with a password in it, other keys.
        """
        name, _, rest = text.partition(":")
        name, comma, options = name.partition(",") if not rest else (name, "", "")
        if name != NAME:
            raise UnknownName("tracker", word(name, 40), [NAME], where="track")
        if re.search(r"://[^/]*@", rest):
            raise _hidden(rest.rpartition("@")[2])
        address, *others = (rest or comma + options).split(",")
        uri = address or os.environ.get(URI_VARIABLE, "")
        given: dict[str, str] = {}
        for part in others:
            key, _, value = part.partition("=")
            if key not in ("experiment", "model"):
                raise UnknownName("key", word(key, 40), ["experiment", "model"], where=f"track {NAME}")
            if not value.strip():
                raise ConfigError(f"'{key}' has no name", where=f"track {NAME}", hint=f"write {key}=NAME")
            if not _NAME.fullmatch(value.strip()):
                what = f"'{word(value, 40)}' is no name that MLflow takes"
                raise ConfigError(what, where=f"track {NAME} {key}", hint="use letters, digits, spaces and . _ -")
            given[key] = value.strip()
        if not uri:
            hint = f"write {NAME}:http://127.0.0.1:5000, or set {URI_VARIABLE}"
            raise ConfigError("no address of the server", where="track", hint=hint)
        _check_address(uri)
        experiment = given.get("experiment") or os.environ.get(EXPERIMENT_VARIABLE) or EXPERIMENT
        return cls(uri, experiment, given.get("model", MODEL))

    def __str__(self) -> str:
        """As it is written on a command line."""
        return f"{NAME}:{self.uri},experiment={self.experiment},model={self.model}"


def _check_address(uri: str) -> None:
    bare = re.split(r"[?#]", uri)[0]
    try:
        parts = urlsplit(uri)
        known = parts.scheme.partition("+")[0] in _SCHEMES or (not parts.scheme and uri == "databricks")
        hidden = parts.username or parts.password or (parts.scheme.startswith("http") and bare != uri)
    except ValueError:
        known, hidden = False, False
    if hidden or re.search(r"[?&;](\w*(pass|token|key|secret|pwd)\w*)=", uri, re.IGNORECASE):
        raise _hidden(bare)
    if not known or not uri.isprintable():
        what, hint = "not an address of an MLflow server", f"write {NAME}:http://127.0.0.1:5000"
        raise ConfigError(what, where=f"{NAME}:{word(bare, 80)}", hint=hint)


def _hidden(rest: str) -> ConfigError:
    hint = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
    what = "an address with a password or a query in it would be written down"
    return ConfigError(what, where=f"{NAME}:{word(re.split('[?#]', rest)[0], 80)}", hint=hint)


class Mlflow:
    """A tracking server, asked on opening whether it is there.

    Args:
        target: where it is.

    Raises:
        InputError: without the extra `track`; where the server can't be reached or does not let us in.
    """

    def __init__(self, target: Target) -> None:
        if importlib.util.find_spec("mlflow") is None:
            raise InputError("tracking needs mlflow-skinny, not installed here", hint="pip install 'rook-bench[track]'")
        # Before its first import: it tells its makers what is used, prints addresses, and tries for minutes.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", ATTEMPTS)
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", PATIENCE_S)
        from mlflow.tracking import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        self.target = target
        with self._asked():
            self.client: Any = MlflowClient(tracking_uri=target.uri, registry_uri=target.uri)
            self.experiment = self._experiment()

    def _experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(self.target.experiment)
        if found is None:
            try:
                return str(self.client.create_experiment(self.target.experiment))
            except MlflowException:  # another process may have made it meanwhile
                found = self.client.get_experiment_by_name(self.target.experiment)
                if found is None:
                    raise
        if found.lifecycle_stage != "active":
            hint = "restore it there, or name another: ,experiment=NAME"
            raise InputError(f"the experiment '{self.target.experiment}' was deleted", where=self.where, hint=hint)
        return str(found.experiment_id)

    @property
    def where(self) -> str:
        """The server, for messages."""
        return f"{NAME}:{word(self.target.uri, 80)}"

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Whatever the client raises (its own kinds, those of its transport) in one line."""
        try:
            yield
        except (InputError, KeyboardInterrupt):
            raise
        except Exception as error:
            text = word(re.sub(r"\s*\(Caused by.*", "", str(error)), 200)
            hint = "check that the server runs and lets you in; its log says more"
            raise InputError(f"the server did not take it ({text})", where=self.where, hint=hint) from None

    def track(self, run: Tracked, tick: Callable[[int, int], None] = lambda done, of: None) -> str:
        """Put a run on the server, once: what lies there whole is left as it is.

        Args:
            run: what to put there.
            tick: hears how many of how many files are sent.

        Returns:
            The run's address (its page of an http server, else `runs:/ID`).

        Raises:
            InputError: where the server does not take it; the next call goes on with the same run.
        """
        with self._asked():
            found = self._track(run, None, tick)
            if run.registered:
                self._register(run, found)
            return self._address(found)

    def _track(self, run: Tracked, parent: str | None, tick: Callable[[int, int], None]) -> str:
        known = self._found(run, parent)
        if known is not None and known.data.tags.get("rook.whole") == "true":
            self._add_files(run, str(known.info.run_id), tick)
            return str(known.info.run_id)
        at = round(1000 * run.at)
        if known is None:
            tags = {
                "rook.begun": str(time.time_ns()),
                "mlflow.runName": run.name,
                "mlflow.user": _user(),
                "mlflow.source.name": "rook-bench",
            }
            if parent is not None:
                tags["mlflow.parentRunId"] = parent
            made = self.client.create_run(self.experiment, start_time=at, tags=tags | _key(run, parent))
            known = self._first_of(run, parent, made)
        run_id = str(known.info.run_id)
        try:
            self.client.update_run(run_id, status="RUNNING")
            self._describe(run, run_id, at)
            for part in run.parts:
                self._track(part, run_id, lambda done, of: None)
            for number, (path, file) in enumerate(run.files.items()):
                tick(number, len(run.files))
                self._send(run_id, path, file)
            for path, text in run.texts.items():
                self.client.log_text(run_id, text, path)
            tick(len(run.files), len(run.files))
            self.client.set_terminated(run_id, "FINISHED", end_time=at)
            self.client.set_tag(run_id, "rook.whole", "true")
        except BaseException as error:
            with suppress(Exception):
                self.client.set_terminated(run_id, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
            raise
        return run_id

    def _found(self, run: Tracked, parent: str | None) -> Any:
        """The run that lies there, the same one for everybody who asks."""
        wanted = " and ".join(f"tags.`{name}` = '{value}'" for name, value in _key(run, parent).items())
        found = self.client.search_runs([self.experiment], filter_string=wanted, max_results=50)
        return min(found, key=_begun) if found else None

    def _first_of(self, run: Tracked, parent: str | None, made: Any) -> Any:
        """Of runs that several processes made at once the one that all of them take; the others go."""
        first = self._found(run, parent) or made
        if first.info.run_id != made.info.run_id:
            self.client.delete_run(made.info.run_id)
        return first

    def _add_files(self, run: Tracked, run_id: str, tick: Callable[[int, int], None]) -> None:
        """Send what a whole run lacks: a report that was made later."""
        there = self._there(run_id) if run.files else set()
        missing = {path: file for path, file in run.files.items() if path not in there}
        for number, (path, file) in enumerate(missing.items()):
            tick(number, len(missing))
            self._send(run_id, path, file)

    def _there(self, run_id: str, below: str | None = None) -> set[str]:
        """Paths of the files that lie there."""
        found: set[str] = set()
        for one in self.client.list_artifacts(run_id, below):
            found |= self._there(run_id, one.path) if one.is_dir else {str(one.path)}
        return found

    def _describe(self, run: Tracked, run_id: str, at: int) -> None:
        """Parameters, tags and figures. Figures have the time of the run, so that the same sent twice is kept once."""
        from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

        tags = [RunTag(f"rook.{_name(key)}", _cut(value, "tag")) for key, value in run.marks.items()]
        if run.note:
            tags.append(RunTag("mlflow.note.content", _cut(run.note, "tag")))
        params = [Param(_name(key), _cut(value, "param")) for key, value in run.params.items()]
        metrics = [Metric(_name(key), value, at, 0) for key, value in run.metrics.items()]
        for step, measured in run.steps:
            metrics += [Metric(_name(key), float(value), at, step) for key, value in measured.items()]
        for start in range(0, max(len(params), len(tags)), 100):
            self.client.log_batch(run_id, params=params[start : start + 100], tags=tags[start : start + 100])
        for start in range(0, len(metrics), MOST_FIGURES):
            self.client.log_batch(run_id, metrics=metrics[start : start + MOST_FIGURES])
        if run.dataset is not None:
            swaps = Dataset(
                name=run.dataset.name,
                digest=run.dataset.digest[:36],
                source_type="rook-bench",
                source=json.dumps({"data_hash": run.dataset.digest}),
                profile=json.dumps(run.dataset.profile),
            )
            self.client.log_inputs(run_id, [DatasetInput(swaps, [InputTag("mlflow.data.context", "evaluation")])])

    def _send(self, run_id: str, path: str, file: Any) -> None:
        if re.search(r"[#?%]", path):
            raise InputError("a file of that name can't be sent: the client puts it into an address", where=path)
        parent = PurePosixPath(path).parent
        self.client.log_artifact(run_id, str(file), None if str(parent) == "." else str(parent))

    def _register(self, run: Tracked, run_id: str) -> None:
        """A version of the registered model for what was promoted, and the alias on the champion's."""
        from mlflow.exceptions import MlflowException

        model, tags = self.target.model, _key(run, None)
        with suppress(MlflowException):  # it may be there
            self.client.create_registered_model(model)
        versions = self.client.search_model_versions(f"name = '{model}' and run_id = '{run_id}'", max_results=1)
        if not versions:
            marks = {f"rook.{_name(key)}": _cut(value, "tag") for key, value in run.marks.items()}
            version = self.client.create_model_version(
                model,
                source=f"runs:/{run_id}/{PROMOTED}",
                run_id=run_id,
                tags=tags | marks,
                description=run.params["source"],
                await_creation_for=0,
            )
        else:
            version = versions[0]
        if run.champion:
            self.client.set_registered_model_alias(model, ALIAS, version.version)

    def _address(self, run_id: str) -> str:
        if not self.target.uri.startswith("http"):
            return f"runs:/{run_id}"
        return f"{self.target.uri.rstrip('/')}/#/experiments/{self.experiment}/runs/{run_id}"


def _begun(run: Any) -> tuple[bool, str, str]:
    """Of several of one output the one that is whole, else the one that was begun first."""
    tags = run.data.tags
    return tags.get("rook.whole") != "true", tags.get("rook.begun", "").zfill(20), str(run.info.run_id)


def _key(run: Tracked, parent: str | None) -> dict[str, str]:
    """The tags by which a run is found again: as a run of its own, or as a part of another."""
    return {"rook.kind": run.kind, "rook.key": run.key, "rook.of": parent or "itself"}


def _name(text: str) -> str:
    """A name as MLflow takes it: letters, digits, and _ - . : / and spaces."""
    return re.sub(r"/[/.]+", "/", re.sub(r"[^\w\-. :/]", "_", text, flags=re.ASCII)).strip("/. ")[:250]


def _cut(text: str, kind: str) -> str:
    most = MOST_TEXT[kind]
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
