"""What a test starts hears Ctrl-C wherever the test run was started."""

import signal
import subprocess
import sys

import pytest
from processes import hearing_interrupts

HEARS = (
    "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler "
    "and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL)"
)


@pytest.fixture(params=[signal.SIGINT, signal.SIGHUP], ids=["background", "nohup"])
def in_the_background(request):
    """As under a shell that started this run with & (deaf to Ctrl-C), or under nohup (deaf to hang-ups)."""
    before = signal.signal(request.param, signal.SIG_IGN)
    yield request.param
    signal.signal(request.param, before)


def hears():
    return subprocess.run([sys.executable, "-S", "-c", HEARS], capture_output=True, text=True, check=True).stdout


def test_it_hears_ctrl_c(in_the_background):
    assert hears() == "False\n"
    with hearing_interrupts():
        assert hears() == "True\n"
    assert signal.getsignal(in_the_background) is signal.SIG_IGN
