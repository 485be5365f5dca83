"""MLflow's own server on loopback, with a database (sqlite) and a store of artefacts, both in a temporary folder."""

import os
import socket
import subprocess
import sys
import time
import urllib.request


class MlflowServer:
    """Started once for a test run; `client` is MLflow's own, which knows nothing of ours."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.to = f"mlflow:{self.uri}"
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "kept")),
            *("--workers", "1"),
        ]
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                command, env=os.environ | quiet, stdout=log, stderr=log, start_new_session=True
            )
        self.log = folder / "log"
        self._wait()
        from mlflow.tracking import MlflowClient

        self.client = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def _wait(self):
        until = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                    return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise AssertionError(self.log.read_text()) from None
                time.sleep(0.2)

    def runs(self, experiment="rook-bench", of="itself"):
        """Runs of an experiment that are no part of another, or the parts of one."""
        found = self.client.get_experiment_by_name(experiment)
        return self.client.search_runs([found.experiment_id], f"tags.`rook.of` = '{of}'") if found else []

    def fetch(self, run, folder, path=""):
        """What lies there of a run's files, on disk."""
        folder.mkdir(parents=True, exist_ok=True)
        return self.client.download_artifacts(run.info.run_id, path, str(folder))

    def close(self):
        os.killpg(self.process.pid, 15)
        self.process.wait(30)
