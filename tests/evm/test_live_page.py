"""The page about following a pool live: its commands run, on a node of this machine whose pool is traded meanwhile."""

import re
import shlex
import threading
from pathlib import Path

import artifacts
import pytest

pytest.importorskip("web3", reason='web3 is not installed: pip install "rook-bench[chain]"')

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "how-to" / "run-live.md"
POOL = "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"


def commands():
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def test_commands_run(tmp_path, monkeypatch, command_line, undrawn):
    if reason := artifacts.why_no_node():
        pytest.skip(reason)
    from market import Market
    from node import running

    (tmp_path / "strategies").symlink_to(REPOSITORY / "strategies")
    monkeypatch.chdir(tmp_path)
    over, codes = threading.Event(), {}
    with running(artifacts.anvil()) as url:
        monkeypatch.setenv("ROOK_BENCH_RPC", url)
        market = Market(url, "v3", "page")
        market.act(80)

        def trading():
            while not over.wait(0.5):
                market.trade()

        threading.Thread(target=trading, daemon=True).start()
        try:
            for program, *arguments in commands():
                assert program == "rook-bench"
                words = [market.key.address if word == POOL else word for word in arguments]
                code, out, err = command_line(*words)
                codes[tuple(arguments[:2])] = code
                assert code in ({0} if arguments[0] != "gate" else {2, 3}), f"{arguments}: {out}{err}"
                assert "Traceback" not in err
                if arguments[:2] == ["live", "check"]:
                    over.set()
                    assert "EQUAL: nothing differs" in out
        finally:
            over.set()
    assert len(codes) == 5
    # A minute of a pool whose coin has no price: what a page can show of a verdict is that there is none.
    assert codes["gate", "--policy"] in (2, 3)


def test_every_option_that_the_page_names_is_one(capsys):
    from rook_bench.cli.main import run

    told = ""
    for verb in ("follow", "check", "resume", "files"):
        run(["live", verb, "--help"])
        told += capsys.readouterr().out
    run(["gate", "--help"])
    told += capsys.readouterr().out
    others = {"--fork-url", "--chain-id", "--block-time"}  # anvil's
    assert set(re.findall(r"--[a-z][a-z-]+", PAGE.read_text())) - others - {"--adapter"} <= set(
        re.findall(r"--[a-z][a-z-]+", told)
    )
