# Two commands do everything on a fresh machine with Python 3.11 or newer:
#   make demo    set up, then run the whole path on the sample; prints the report's path and the verdict
#   make test    set up with the development tools, then lint, type-check and test everything: what CI runs
# And for every day:
#   make test-fast   the same without what takes long (see SLOW in tests/conftest.py), types and training
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip
# Two processes with a thread each: with more, the threads of one wait for those of the other. Byte code is kept,
# that of the tests' assertions too, whatever the shell says.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

.PHONY: demo test test-fast setup setup-dev setup-train setup-dev-train setup-contracts peers ratios gallery lock clean

demo: setup-train
	$(BIN)/rook-bench demo

test: setup-dev setup-train setup-dev-train setup-contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m rook_bench.workbench.warm
	$(PYTEST)

# The compiled loop is compiled once, before two processes would each do it.
test-fast: setup-dev
	$(BIN)/ruff check .
	$(BIN)/python -m rook_bench.workbench.warm
	$(PYTEST) -m "not slow"

setup: $(VENV)/.core
setup-dev: $(VENV)/.dev
setup-train: $(VENV)/.train
setup-dev-train: $(VENV)/.dev-train
setup-contracts: $(VENV)/evm/.installed

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.core: $(BIN)/uv requirements.lock pyproject.toml rook_bench/report/web/package-lock.json
	$(UV) install --python $(BIN)/python --quiet --compile-bytecode --require-hashes -r requirements.lock
	$(UV) install --python $(BIN)/python --quiet --no-deps -e .
	sh scripts/install-charts.sh
	$(BIN)/python -m compileall -q rook_bench
	$(BIN)/python -m rook_bench.workbench.warm
	touch $@

$(VENV)/.dev: $(VENV)/.core requirements-dev.lock
	$(UV) install --python $(BIN)/python --quiet --compile-bytecode --require-hashes -r requirements-dev.lock
	sh scripts/install-browser.sh
	sh scripts/install-sshd.sh
	touch $@

# torch comes by pip on purpose: pip takes a CPU build where one is configured, else the default one.
# The lock leaves torch out but names what needs it, hence --no-deps: the lock is complete without it.
$(VENV)/.train: $(VENV)/.core requirements-train.lock requirements-torch.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-torch.txt
	$(UV) install --python $(BIN)/python --quiet --compile-bytecode --no-deps --require-hashes -r requirements-train.lock
	touch $@

# What tests of training need beside it: trainers of others, which read what we write.
$(VENV)/.dev-train: $(VENV)/.train requirements-dev-train.lock
	$(UV) install --python $(BIN)/python --quiet --compile-bytecode --no-deps --require-hashes -r requirements-dev-train.lock
	touch $@

# Without npm this only says so, and tries again the next time.
$(VENV)/evm/.installed: tests/evm/package.json tests/evm/package-lock.json scripts/install-contracts.sh | $(BIN)/uv
	sh scripts/install-contracts.sh $(VENV)/evm

# Engines of others for `python benchmarks/ratios.py --peers`, in an environment of their own.
peers: $(BIN)/uv
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) $(VENV)/peers
	$(UV) install --python $(VENV)/peers/bin/python --quiet --compile-bytecode -r benchmarks/peers.txt

# How our work compares with that of others, against the ratios that are kept.
ratios: setup-dev
	$(BIN)/python benchmarks/ratios.py

# docs/gallery: an example report, and pictures of pages as people see them.
gallery: setup-train setup-dev
	$(BIN)/python scripts/make_gallery.py

# The locks are made together, so that one version of each package serves all of them. torch is
# left out: see setup-train. The servers that tests ask (mlflow, trackio) allow older versions of pyarrow and pillow
# only, for features that no test touches; they run with ours.
lock: $(BIN)/uv
	$(UV) compile pyproject.toml -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements.lock
	$(UV) compile pyproject.toml --extra dev -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -c requirements.lock -o requirements-dev.lock
	echo "torch ; python_version < '0'" > .torch-override
	$(UV) compile pyproject.toml --extra train -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -c requirements.lock --override .torch-override -o requirements-train.lock
	printf 'pyarrow>=26\npillow>=13\n' >> .torch-override
	$(UV) compile pyproject.toml --extra train --extra dev-train -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -c requirements.lock -c requirements-dev.lock -c requirements-train.lock --override .torch-override -o requirements-dev-train.lock
	rm .torch-override
	echo uv | $(UV) compile - -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements-setup.lock

clean:
	rm -rf $(VENV) build dist *.egg-info
