"""Hugging Face Jobs as a provider, asked by huggingface_hub's own client."""

import getpass
from decimal import Decimal
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub", reason="the train extra is not installed")

from rook_bench.core import RookError
from rook_bench.remote.rent.guard import rented
from rook_bench.remote.rent.lease import leases
from rook_bench.remote.rent.provider import Wish
from rook_bench.remote.rent.providers import provider_of
from rook_bench.remote.rent.reap import reap

_spec = spec_from_file_location("hf_stand_in", Path(__file__).with_name("hf_stand_in.py"))
hf_stand_in = module_from_spec(_spec)
_spec.loader.exec_module(hf_stand_in)

JOB = "0123456789abcdef"


@pytest.fixture
def service(monkeypatch):
    service = hf_stand_in.StandIn(getpass.getuser(), "127.0.0.1")
    monkeypatch.setenv("HF_ENDPOINT", service.url)
    monkeypatch.setenv("HF_TOKEN", hf_stand_in.TOKEN)
    monkeypatch.setenv("ROOK_BENCH_RENT_WAITS", "2 0.2 3 1")
    yield service
    service.close()


@pytest.fixture
def machine(service):
    """Rent one as the command does."""

    def rent(**changes):
        terms = {
            "machine": None,
            "place": None,
            "disk_gb": 40,
            "hours": 2.0,
            "max_usd": 1.0,
            "keep_hours": None,
            "identity": None,
            "config": None,
            "say": said.append,
        }
        return rented(provider_of("hf-jobs"), JOB, **terms | changes)

    said = rent.said = []
    return rent


def test_a_job_is_rented_reached_and_ended(service, machine):
    with machine() as (ssh, lease):
        assert ssh.host == f"{getpass.getuser()}@127.0.0.1"
        (job,) = service.billed
        assert job["timeoutSeconds"] == 7200  # the service ends it then, whoever is left
        assert job["labels"] == {"rook-bench": lease.name, "name": lease.name}
        assert job["ssh"] == {"enabled": True}
        assert job["flavor"] == "cpu-upgrade"
    assert service.billed == []
    assert leases() == []
    assert "0.03 USD an hour, 0.06 USD at most" in machine.said


def test_it_ends_when_something_goes_wrong_in_between(service, machine):
    with pytest.raises(KeyboardInterrupt), machine():
        raise KeyboardInterrupt
    assert service.billed == []


def test_a_job_without_capacity_ends_with_its_words(service, machine):
    service.fails = True
    with pytest.raises(RookError, match="the machine is ERROR: no capacity"), machine():
        pass
    assert leases() == []


def test_the_price_is_told_by_the_hour_and_kinds_by_the_near_name(service):
    provider = provider_of("hf-jobs")
    wish = Wish("t4-small", None, 40, 1.0, "", "")
    assert provider.price(wish)[0] == Decimal("0.40002")
    with pytest.raises(RookError, match="no machine 't4-smal' is to be had; did you mean 't4-small'"):
        provider.price(Wish("t4-smal", None, 40, 1.0, "", ""))


def test_what_cannot_be_cancelled_is_shouted_and_reaped_later(service, machine):
    service.refuses_cancel = True
    with pytest.raises(RookError, match="STILL BILLED: machine job0") as left, machine():
        pass
    assert "https://huggingface.co/settings/jobs" in str(left.value)
    service.refuses_cancel = False
    found = reap(provider_of("hf-jobs"), lambda line: None)
    assert len(found.ended) == 1
    assert service.billed == []


def test_a_wrong_token_is_told_in_one_line(service, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "wrong")
    with pytest.raises(RookError, match="hf-jobs: ") as refused:
        provider_of("hf-jobs")
    assert "\n" not in str(refused.value)
