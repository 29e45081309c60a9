# Every target sets up what it needs. Overrides go in ARGS: make train ARGS="model=vae epochs=5"
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.installed-bench
RAY_STAMP := $(VENV)/.installed-ray
DOCS_STAMP := $(VENV)/.installed-docs
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help setup train sweep gallery study test check faults honesty engines bench docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## create .venv with the pinned dependencies and genrun itself

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("genrun needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

train: $(STAMP) ## train the digits recipe, or what ARGS says: make train ARGS="model=vae"
	$(BIN)/genrun $(or $(ARGS),experiment=digits)

sweep: $(STAMP) ## sweep a VAE's learning rate, or what ARGS says
	$(BIN)/genrun -m $(or $(ARGS),sweep=lr model=vae epochs=5)

RECIPES := beta_vae,dcgan,digits,edm,flow,iwae,ot_flow_matching,r3gan,ring,vae,vq_vae,wgan_gp
gallery: $(STAMP) ## train every recipe, an hour on two cores, and draw docs/gallery.md
	$(BIN)/genrun -m experiment=$(RECIPES) runtime.threads=1 hydra.sweep.dir=outputs/gallery $(ARGS)
	$(BIN)/python scripts/gallery.py outputs/gallery

study: $(STAMP) ## prove optimizers on the VAE and the GAN, an hour on two cores, and write docs/results
	$(BIN)/python scripts/study.py $(ARGS)

test: $(STAMP) ## run all tests; pytest's own words go in ARGS: make test ARGS="-k resume"
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

check: $(STAMP) ## lint, format, types; seconds
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(RAY_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,ray]'
	@touch $@

engines: $(RAY_STAMP) ## install Ray too, and test torchrun, and sweeps under joblib, submitit, Ray
	$(BIN)/python -m pytest -n 2 --dist worksteal -m engines $(ARGS)

$(BENCH_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,bench]'
	@touch $@

faults: $(STAMP) ## kill, corrupt and starve runs, and write what was lost to outputs/faults.json
	$(BIN)/python -m tests.faults $(ARGS)

honesty: $(STAMP) ## how often verdicts are false and intervals hold, on real noise; minutes
	$(BIN)/python -m tests.honesty $(ARGS)

bench: $(BENCH_STAMP) ## time steps against a bare loop, Lightning, pythae; sweeps against Hydra's launchers
	$(BIN)/python scripts/bench.py $(ARGS)
	$(BIN)/python scripts/bench_sweeps.py

$(DOCS_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,docs]'
	@touch $@

docs: $(DOCS_STAMP) ## build the documentation into site/; warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --clean $(ARGS)
	@echo "site/index.html; to search in it: $(BIN)/python -m http.server --directory site"

clean: ## remove the environment and caches; outputs/ stays
	rm -rf $(VENV) dist site .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
