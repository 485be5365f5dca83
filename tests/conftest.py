"""Fixtures that every part of the tests shares: tapes, hand-made runs, data of others, a cache of its own."""

import gc
import os
import shutil
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from kept import kept_folder
from lives import V4, Life
from quickly import MANY_PLACES, ask_at_few_places, draw_nothing, draw_one
from worlds import RICH, world

from rook_bench import plugins
from rook_bench.core import Side
from rook_bench.core.cache_folder import CACHE_VARIABLE, cache_folder
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.exact import ExactInts
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import ETH, ROOK_V4, USDC, WETH, Pool
from rook_bench.market.simulation.simulate import simulate
from rook_bench.plugins import Registry, decision_source
from rook_bench.sources import Decided, Source
from rook_bench.sources.lookahead import Lookahead

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"

USDC_WETH = Pool(token0=USDC, token1=WETH, base_is_token0=False)
ETH_USDC = Pool(token0=ETH, token1=USDC, base_is_token0=True, protocol="v4")

NOON = np.datetime64("2025-01-01T12:00:00", "ns")

COMPILED_CODE = cache_folder() / "numba"

THOROUGH = os.environ.get("ROOK_BENCH_THOROUGH") == "1"
"""Every random case and every training step, which takes minutes more; see the Makefile."""

# The first example pays for compiling, and CI machines vary: no deadline per example.
hypothesis.settings.register_profile("bench", deadline=None)
hypothesis.settings.load_profile("bench")

_numbers = count()

_modules_frozen = 0


def pytest_collection_finish():
    _freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown():
    """torch and what comes with it are imported by the first test that needs them, long after the collection."""
    if len(sys.modules) > _modules_frozen + 200:
        _freeze()


def _freeze():
    """What the imports left in memory stays: training collects garbage after every run, and need not look at it."""
    global _modules_frozen
    gc.collect()
    gc.freeze()
    _modules_frozen = len(sys.modules)


SLOW = {
    *(
        "browser",
        "contracts",
        "docs",
        "evm",
        "golden",
        "gpu",
        "install",
        "language",
        "properties",
        "real",
        "rewards",
        "training",
    ),
    *("test_forgeries", "test_github_action", "test_judging_verbs", "test_verbs", "test_fetch"),
    *("test_page", "test_pictures", "test_questions", "test_selftest", "test_verify", "test_against_reference"),
    *(
        "test_evaluation",
        "test_init",
        "test_judge",
        "test_shared_verdict",
        "test_trials_branch",
        "test_ray",
        "test_ratios",
        "test_asking",
    ),
}
"""Folders and files that `make test-fast` leaves out: models, contracts, browsers, whole pages, verbs to their end."""


LONG = {
    *("test_wheel", "test_commands", "test_init", "test_resume", "test_github_action", "test_verbs", "test_fetch"),
    *("test_set_up", "test_demo_edge", "test_pages", "test_chaos", "test_ranks", "test_ray"),
    *("test_training_folds", "test_asking", "test_live_session", "test_live_verb", "test_live_fork", "test_live_gate"),
}
"""Files whose tests come first: one of ten seconds that comes last leaves the other process idle for as long."""


MODELS = ("lora", "base", "folds")
"""Sources that ask a language model in their own process."""


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.stem not in LONG)
    for item in items:
        if SLOW & {item.path.stem, *item.path.relative_to(ROOT / "tests").parts}:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Decisions are kept in a folder of this test run; compiled code stays where it is kept anyway."""
    folder = _empty_cache(tmp_path_factory.mktemp("cache"))
    before = os.environ.get(CACHE_VARIABLE)
    os.environ[CACHE_VARIABLE] = str(folder)
    yield folder
    if before is None:
        del os.environ[CACHE_VARIABLE]
    else:
        os.environ[CACHE_VARIABLE] = before


def _empty_cache(folder):
    """A cache folder that holds compiled code and nothing else."""
    folder.mkdir(exist_ok=True)
    try:
        COMPILED_CODE.mkdir(parents=True, exist_ok=True)
        (folder / "numba").symlink_to(COMPILED_CODE, target_is_directory=True)
    except OSError:
        pass  # then the loop is compiled again, which takes seconds
    return folder


@pytest.fixture(scope="session", autouse=True)
def libraries_loaded_once():
    """A model whose answers are computed anew for a gate finds its libraries loaded, which takes ten seconds otherwise.

    Still in a process of its own for every question, made from one that has loaded them and seen nothing. Where no test
    has loaded them yet there is nothing to save.
    """
    from rook_bench.replay.apart import AnswersQuestion, Apart

    loaded, ask = Apart(), Apart.ask

    def quickly(self, question, *, modules=(), **how):
        here = [name for name in ("torch", "transformers", "peft") if name in sys.modules]
        if isinstance(question, AnswersQuestion) and question.asked.name in MODELS and len(here) == 3:
            self, modules = loaded, here
        return ask(self, question, modules=modules, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Apart, "ask", quickly)
        yield
    loaded.close()


@pytest.fixture(scope="session", autouse=True)
def not_waiting_for_disks():
    """What is written is in the system's memory, where tests and whoever they kill find it: no power fails here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """Turn to a cache in which no decision and no answer is kept; call it again for another one."""

    def turn():
        folder = _empty_cache(tmp_path / f"cache{next(_numbers)}")
        monkeypatch.setenv(CACHE_VARIABLE, str(folder))
        return folder

    turn()
    return turn


@pytest.fixture(autouse=True)
def own_plugins():
    """What a test registers is registered for no other, which may use the name for something else."""
    plugins.load_installed()
    before = [(seen, set(seen)) for seen in (plugins._loaded, plugins._seen_from)]
    with ExitStack() as stack:
        for registry in Registry.kinds.values():
            stack.enter_context(registry.isolated())
        yield
    for seen, known in before:
        seen.clear()
        seen.update(known)


@pytest.fixture(autouse=True)
def own_trials(own_cache, monkeypatch):
    """Every test has a trial ledger of its own: what another test tried is no try here."""
    monkeypatch.setenv("ROOK_BENCH_TRIALS", str(own_cache / "trials" / str(next(_numbers)) / "ledger"))


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures are composed and not drawn, which takes most of their time: for tests that don't look at them."""
    draw_nothing(monkeypatch)


@pytest.fixture
def few_pictures(monkeypatch, undrawn):
    """Reports with their first picture only, for tests that are not about pictures."""
    draw_one(monkeypatch)


@pytest.fixture
def few_places(monkeypatch):
    """A gate asks a source again at few places, for tests of something else: each is a process, and all take seconds."""
    ask_at_few_places(monkeypatch)


@pytest.fixture
def every_place(monkeypatch):
    """A gate asks at as many places as it does for everybody, where its folder's tests let it ask at few."""
    from rook_bench.sources import lookahead

    monkeypatch.setattr(lookahead, "MANY_CUTS", MANY_PLACES)


@pytest.fixture
def few_rows(monkeypatch, thorough):
    """Training draws a few rows only, to learn from and to be judged on: the commands are tried, not the models."""
    if not thorough and find_spec("torch"):
        from rook_bench.training import data

        draw = data.draw_rows
        monkeypatch.setattr(data, "draw_rows", lambda rows, most, seed: draw(rows, min(most, 64), seed))


@pytest.fixture(scope="session")
def thorough():
    """Whether every random case and every training step is asked for."""
    return THOROUGH


@pytest.fixture(scope="session")
def draws(thorough):
    """How many of so many random cases to try: a third, or all of them where they are asked for."""
    return lambda cases: cases if thorough else cases // 3


@pytest.fixture(scope="session")
def root():
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def tape():
    """A simulated tape of 2,000 swaps (about eight hours); never written to."""
    return simulate(2000, np.random.default_rng(1))


@pytest.fixture(scope="session")
def short_tape(tape):
    """Its first 300 swaps."""
    return tape[:300]


def _shared(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"../shared/data is absent: {name} can't be read")
    return path


@pytest.fixture(scope="session")
def rook_folder():
    """ROOK's published data set."""
    return _shared("rook-v4-eth-usdc")


@pytest.fixture(scope="session")
def day_folder():
    """One day of the two main USDC/WETH pools."""
    return _shared("usdc-weth-2024-01-05")


@pytest.fixture(scope="session")
def genesis_folder():
    """Every v3 pool from birth, 2021-05-04 to 05."""
    return _shared("mainnet-genesis-2021-05")


@pytest.fixture(scope="session")
def data_driven(rook_folder):
    """ROOK's published rule config."""
    return rook_folder / "configs" / "data_driven_heuristics.json"


@pytest.fixture(scope="session")
def rook_frame(rook_folder):
    """The 10,000 published swaps."""
    from rook_bench.ingest.read import read_swaps

    return read_swaps(rook_folder)


@pytest.fixture(scope="session")
def day_frame(day_folder):
    """The 6,046 swaps of the 0.05% pool on 2024-01-05, from the undecoded log."""
    from rook_bench.ingest.read import read_swaps

    return read_swaps(next(day_folder.glob("*0x88e6*.raw.csv")))


def _make_frame(
    prices,
    *,
    seconds=None,
    liquidity=10**19,
    pool=USDC_WETH,
    start=NOON,
    blocks=None,
    **columns,
):
    """A hand-made tape: human prices (quote per base), seconds from noon, one liquidity or one per row."""
    count = len(prices)
    seconds = np.arange(count) * 12.0 if seconds is None else np.asarray(seconds, dtype=float)
    exact = [price if isinstance(price, int) else _sqrt_price(price, pool) for price in prices]
    depth = [liquidity] * count if isinstance(liquidity, int) else list(liquidity)
    columns.setdefault("amount0", ExactInts.of([10**6] * count))
    columns.setdefault("amount1", ExactInts.of([-(10**15)] * count))
    return SwapFrame(
        pool=pool,
        at=start + (seconds * 1e9).astype("timedelta64[ns]"),
        sqrt_price_x96=ExactInts.of(exact),
        liquidity=ExactInts.of(depth),
        tick=np.zeros(count, dtype=np.int32),
        block=None if blocks is None else np.asarray(blocks, dtype=np.int64),
        **columns,
    )


def _sqrt_price(price, pool):
    """sqrtPriceX96 of a human price given as a float."""
    from fractions import Fraction
    from math import isqrt

    ratio = Fraction(price) * pool.quote.unit / pool.base.unit
    ratio = ratio if pool.base_is_token0 else 1 / ratio
    return isqrt(int(ratio * 2**192))


@pytest.fixture(scope="session")
def make_frame():
    """Factory of hand-made tapes; see `_make_frame`."""
    return _make_frame


@pytest.fixture(scope="session")
def pools():
    """Both orientations of the pair, and ROOK's own pool."""
    return {"token1": USDC_WETH, "token0": ETH_USDC, "rook": ROOK_V4}


def _sides(text, size=0.5, **options):
    """Decisions from letters: B buy, S sell, anything else hold."""
    codes = {"B": Side.BUY, "S": Side.SELL}
    return DecisionTape.from_sides(np.array([codes.get(letter, Side.HOLD) for letter in text]), size, **options)


@pytest.fixture(scope="session")
def sides():
    """Decisions from letters; see `_sides`."""
    return _sides


def _scripted(decisions):
    """A source that always answers with the beginning of `decisions`."""
    with decision_source.isolated():

        @decision_source(whole_tape=True, name="scripted", content=lambda: decisions.content_hash)
        def scripted():
            """Decisions made up by a test."""
            return lambda view: decisions.head(len(view))

        return Source.parse("scripted")


@pytest.fixture(scope="session")
def scripted():
    """Make a Source of a hand-made DecisionTape."""
    return _scripted


@pytest.fixture(scope="session")
def registered():
    """Make a Source of a factory written in a test, without leaving it registered."""

    def make(factory, **traits):
        with decision_source.isolated():
            decision_source(factory, name=factory.__name__, **traits)
            return Source.parse(factory.__name__)

    return make


@pytest.fixture(scope="session")
def life():
    """A v3 pool with 400 swaps from birth on, never written to."""
    return Life(1).wander(400)


@pytest.fixture(scope="session")
def dynamic_life():
    """A v4 pool whose fee changes with every swap, never written to."""
    return Life(2, V4, fees=(0, 100, 500, 3000)).wander(200)


@pytest.fixture(scope="session")
def run_of():
    """Execute hand-made decisions into a Run, without deciding, the look-ahead check or reconciliation."""
    from rook_bench.replay.config import ReplayConfig
    from rook_bench.replay.engine import assemble

    def make(frame, decisions, config=None, **parts):
        config = config or ReplayConfig.parse(parts, where="test")
        decided = Decided(_scripted(decisions), decisions, "key", reused=False)
        return assemble(frame, decided, config, Lookahead("clean", (), None, "hand-made"))

    return make


# Small language models, made once: random bases, a prepared folder, adapters trained on a few rows.


@pytest.fixture
def command_line(capsys):
    """Run rook-bench in this process: (exit code, stdout, stderr)."""
    from rook_bench.cli.main import run

    def call(*arguments):
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture(scope="session")
def random_bases():
    """The module scripts/make_random_base.py; skips without the train extra."""
    import importlib.util

    pytest.importorskip("transformers", reason="the train extra is not installed")
    spec = importlib.util.spec_from_file_location("make_random_base", ROOT / "scripts" / "make_random_base.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def mini_base(random_bases):
    """Folder of a random GPT-2: 2 layers, 32 wide, 4 heads; never written to."""
    shape = {"layers": 2, "width": 32, "heads": 4, "vocabulary": 3000}
    script = Path(random_bases.__file__)
    return kept_folder("mini", lambda folder: random_bases.random_base(folder, **shape), script=script, shape=shape)


@pytest.fixture(scope="session")
def mini_qwen(mini_base, tmp_path_factory):
    """Folder of a random Qwen2 (rotary positions, grouped heads, an output layer of its own)."""
    import torch
    from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

    folder = tmp_path_factory.mktemp("bases") / "qwen"
    tokenizer = AutoTokenizer.from_pretrained(mini_base)
    torch.manual_seed(1)
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, tie_word_embeddings=False,
        bos_token_id=tokenizer.eos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    Qwen2ForCausalLM(config).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def prepared():
    """A prepared folder: 1,500 simulated swaps, labelled by the shipped rules, purged splits; never written to."""
    from rook_bench.dataset.prepare import prepare
    from rook_bench.dataset.rules import Rules

    rules, seed = ROOT / "strategies" / "data_driven.json", 7

    def make(folder):
        prepare(simulate(1500, np.random.default_rng(seed)), Rules.from_file(rules), folder)

    return kept_folder("data", make, rules=rules, seed=seed)


@pytest.fixture(scope="session")
def two_pools(tmp_path_factory):
    """Prepared folders of ether, and of a token at six times the fee whose tape ends earlier, on one chain; never
    written to."""
    from rook_bench.dataset.prepare import prepare
    from rook_bench.dataset.rules import Rules
    from rook_bench.market.simulation import Chain, Simulation

    folder, rules = tmp_path_factory.mktemp("pools"), Rules.from_file(ROOT / "strategies" / "data_driven.json")
    made = []
    for place, (base, swaps, fee) in enumerate((("WETH", 3200, 500), ("UNI", 2400, 3000))):
        config = Simulation(base_symbol=base, fee_pips=fee)
        frame = simulate(swaps, np.random.default_rng(place + 1), config, chain=Chain(7))
        made.append(prepare(frame, rules, folder / base).folder)
    return made


@pytest.fixture(scope="session")
def prepared_tables():
    """The same swaps in ROOK's own files alone, windows and all, as its pipeline writes them; never written to."""
    from rook_bench.dataset.prepare import prepare
    from rook_bench.dataset.rules import Rules

    rules, seed = ROOT / "strategies" / "data_driven.json", 7

    def make(folder):
        prepare(simulate(1500, np.random.default_rng(seed)), Rules.from_file(rules), folder, windows=True)
        for name in ("splits.json", "train.parquet", "val.parquet", "test.parquet"):
            (folder / name).unlink()

    return kept_folder("tables", make, rules=rules, seed=seed)


@pytest.fixture(scope="session")
def mini_settings(mini_base):
    """Settings of a training run of a few seconds."""
    from rook_bench.training import TrainSettings

    def settings(**changes):
        small = {
            "model": str(mini_base), "max_samples": 64, "num_epochs": 1, "batch_size": 16, "max_eval_samples": 64,
            "learning_rate": 1e-2,
        }  # fmt: skip
        return TrainSettings(**small | changes)

    return settings


@pytest.fixture(scope="session")
def trained(prepared):
    """Train on `prepared` with these settings, or take the adapter of this name from an earlier test run."""

    def adapter(name, settings):
        from rook_bench.training.fit import train

        def make(folder):
            train(prepared, folder, settings, say=lambda line: None)

        return kept_folder(
            name, make, data=prepared, base=Path(settings.model), settings=settings.model_dump(mode="json")
        )

    return adapter


@pytest.fixture(scope="session")
def mini_adapter(trained, mini_settings):
    """Folder of a LoRA adapter on `mini_base`, template codes; never written to."""
    return trained("codes", mini_settings())


@pytest.fixture(scope="session")
def mini_adapter_words(trained, mini_settings):
    """Folder of a LoRA adapter on `mini_base`, template rook-v1 (sides of several tokens); never written to."""
    return trained("words", mini_settings(template="rook-v1"))


@pytest.fixture(scope="session")
def tiny_adapter(trained, mini_settings):
    """Folder of a LoRA adapter on rook-tiny that has learned to trade; never written to."""
    model = str(ROOT / "models" / "base" / "rook-tiny")
    changes = {"max_samples": 800, "num_epochs": 3, "batch_size": 32, "learning_rate": 4e-3}
    return trained("tiny", mini_settings(model=model, **changes))


@pytest.fixture(scope="session")
def foreign(tmp_path_factory, mini_base):
    """Make an adapter with plain PEFT: `foreign(base=FOLDER, added=0, **what LoraConfig takes)`, in a new folder."""

    from foreign_models import make_adapter

    def make(base=mini_base, added=0, folder=None, **shape):
        return make_adapter(base, folder or tmp_path_factory.mktemp("foreign") / "adapter", added, **shape)

    return make


@pytest.fixture(scope="session")
def adopted_base(mini_base, tmp_path_factory):
    """Folder of a plain base model that was adopted with template codes; never written to."""
    from rook_bench.workbench.adopt import adopt

    folder = tmp_path_factory.mktemp("adopted") / "base"
    shutil.copytree(mini_base, folder)
    adopt(folder, "codes", trained_on=["nothing"])
    return folder


@pytest.fixture
def fresh_models(empty_cache):
    """Forget loaded models and their answers, before and after; returns a factory of empty caches."""
    from rook_bench.sources.lora import _decider

    def forget():
        _decider.cache_clear()
        return empty_cache()

    _decider.cache_clear()
    yield forget
    _decider.cache_clear()


@pytest.fixture(scope="session")
def planted():
    """A prepared folder of a pool with a planted edge; never written to."""
    return world("planted")


@pytest.fixture(scope="session")
def rewards_of_world(tmp_path_factory):
    """What `make_rewards` gave on a world, made once and never written to."""
    from rook_bench.language.template import load_template
    from rook_bench.rewards.make import make_rewards

    made = {}

    def of(name):
        if name not in made:
            out = tmp_path_factory.mktemp("rewards") / name
            made[name] = make_rewards(world(name), out, load_template("codes"), RICH)
        return made[name]

    return of


# Where results go to: a project, a hub, a tracking server.


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The top folder of a project, which is the working folder."""
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A stand-in of the model hub (see hub_stand_in.py), which the hub's own client is pointed to."""
    constants = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed").constants
    from hub_stand_in import HubStandIn

    stand_in = HubStandIn()
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(constants, "ENDPOINT", stand_in.url)
    template = stand_in.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # its protocol is a compiled client's own
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield stand_in
    stand_in.close()


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory):
    """A real MLflow server on loopback (see mlflow_server.py); skips where its package is not installed."""
    pytest.importorskip("sqlalchemy", reason="mlflow is not installed")
    pytest.importorskip("mlflow", reason="mlflow is not installed")
    from mlflow_server import MlflowServer

    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    yield server
    server.close()
