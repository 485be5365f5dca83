"""A server that nobody here wrote: transformers' own, with rook-tiny; it says what the model says when it is asked here."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import rook_bench as rook
from rook_bench.sources import Source

pytest.importorskip("transformers", reason="the train extra is not installed")


@pytest.fixture(scope="module")
def served(root, tmp_path_factory):
    """Address and folder of rook-tiny behind `transformers serve`."""
    missing = [name for name in ("fastapi", "uvicorn", "openai") if find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed (make setup-dev-train)")
    folder = tmp_path_factory.mktemp("served") / "tiny"
    shutil.copytree(root / "models" / "base" / "rook-tiny", folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("transformers")), "serve", "--device", "cpu", "--port", str(port)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with open(folder.parent / "log", "wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        until = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < until:
            try:
                urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                    f"http://127.0.0.1:{port}/health", timeout=2
                )
                break
            except OSError:
                time.sleep(0.2)
        else:
            pytest.fail((folder.parent / "log").read_text()[-2000:])
        yield f"http://127.0.0.1:{port}/v1", folder
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_it_says_what_the_model_says_here(served, tape, empty_cache, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    url, folder = served
    frame = tape[:60]
    rook.adopt(folder, "codes")
    here = Source.parse(f"model:{folder},mode=generate").ask(frame)
    source = Source.parse(f"endpoint:{url},model={folder},template=codes,concurrency=4,repeats=2")
    there = source.ask(frame)
    assert there.raw_text.tolist() == here.raw_text.tolist()
    assert there.side.tolist() == here.side.tolist()
    assert there.size.tolist() == here.size.tolist()
    np.testing.assert_array_equal(there.transcript.prompt_tokens, here.transcript.prompt_tokens)
    assert source.built.wavering.differ == 0
    assert any("tells no probabilities" in note for note in source.notes())


def test_a_model_that_it_has_not(served, tape, empty_cache, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr("rook_bench.endpoint.asking.FIRST_WAIT_S", 0.01)
    with pytest.raises(rook.RookError) as caught:
        Source.parse(f"endpoint:{served[0]},model=/no/such/model,template=codes").ask(tape[:5])
    assert "\n" not in str(caught.value)
