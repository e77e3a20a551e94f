# make          sets up .venv from the lock and makes all figures of the default preset
# make test     sets up .venv, adds torch and the test tools, and passes the tests
# make help     lists the rest
#
# It needs Python 3.11, 3.12 or 3.13 and the Python package index, and nothing else. Variables:
#   PYTHON=/path/to/python3.12   the interpreter; default: the first suitable one on PATH, Python 3.11 preferred
#   CORES=4                      number of cores for Snakemake; default: all
#   PRESET=paper                 the preset of `make plan`; default: quick
#   VERBOSE=1                    also print the output of Snakemake; without it, only results/make.log has it
#   ARGS="..."                   more arguments for snakemake (make) or pytest (make test),
#                                as in: make ARGS="--config preset=smoke"

PYTHON ?=
CORES ?= all
PRESET ?= quick
ARGS ?=

# Neither packages from elsewhere nor modules in the folder may shadow the locked packages.
unexport PYTHONPATH PYTHONHOME
export PYTHONNOUSERSITE := 1
export PYTHONSAFEPATH := 1

# $$PWD is the folder of this file. Its path may contain spaces.
IN_VENV := PATH="$$PWD/.venv/bin:$$PATH"; export PATH;

.PHONY: all setup setup-torch setup-checks plan test lint format gallery benchmarks lock clean distclean help

all: setup  ## set up and run the main job
	@$(IN_VENV) python -m jamming run $(if $(VERBOSE),--verbose) -- all made \
	    --cores "$(CORES)" $(ARGS)

setup:  ## make .venv from the lock, if it is missing or out of date
	@PYTHON="$(PYTHON)" sh envs/install.sh

setup-torch:  ## add torch, for device: cuda and backend: torch
	@PYTHON="$(PYTHON)" sh envs/install.sh torch

setup-checks:  ## add the tools of lint and format
	@PYTHON="$(PYTHON)" sh envs/install.sh test

plan: setup  ## estimate time, memory and disk of a run: make plan PRESET=paper
	@$(IN_VENV) python -m jamming plan --preset "$(PRESET)" $(ARGS)

test:  ## set up and run the tests
	@PYTHON="$(PYTHON)" sh envs/install.sh test torch
	@$(IN_VENV) python -m pytest -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: setup-checks  ## check style and workflow
	@$(IN_VENV) ruff check .
	@$(IN_VENV) ruff format --check .
	@$(IN_VENV) snakefmt --check Snakefile workflow
	@$(IN_VENV) snakemake --lint

format: setup-checks  ## format Python and Snakemake files
	@$(IN_VENV) ruff check --fix .
	@$(IN_VENV) ruff format .
	@$(IN_VENV) snakefmt Snakefile workflow

gallery: setup  ## write figures and tables in docs and README again, from the results of quick and reference/laptop
	@$(IN_VENV) snakemake --cores "$(CORES)" all claims results/quick/summaries/relu_L3.json $(ARGS)
	@$(IN_VENV) python -m jamming gallery --results results/quick --out docs --readme README.md
	@$(IN_VENV) python -m jamming show-claims --markdown results/quick/claims.json > docs/claims.md
	@$(IN_VENV) for figure in fig6 fig7 fig8; do \
	    python -m jamming draw $$figure --table reference/laptop/tables/$$figure.h5 \
	        --out docs/gallery/laptop-$$figure.png || exit; done
	@$(IN_VENV) python -m jamming compare-sweeps --into docs/laptop.md --mark convergence \
	    reference/convergence/steps_1e4.json reference/convergence/steps_1e5.json reference/convergence/steps_1e6.json \
	    reference/convergence/large_1e4.json reference/laptop/summaries/relu_L3.json
	@$(IN_VENV) python -m jamming compare-sweeps --into docs/laptop.md --mark minimized \
	    reference/convergence/lbfgs_4e3.json reference/convergence/lbfgs_4e4.json reference/convergence/lbfgs_4e5.json \
	    reference/convergence/large_4e3.json reference/convergence/large_4e4.json
	@$(IN_VENV) python -m jamming compare-sweeps --into docs/laptop.md --mark sizes \
	    results/quick/summaries/relu_L3.json reference/laptop/summaries/relu_L3.json
	@$(IN_VENV) python -m jamming show-minimizers --comparison reference/minimizers/comparison.h5 \
	    --into docs/minimizers.md --out docs/minimizers.png

benchmarks: setup-torch  ## measure the speed of steps, analysis and planning: ten minutes, results/benchmarks/benchmarks.pdf
	@$(IN_VENV) PYTHONSAFEPATH= python benchmarks/run.py $(ARGS)

lock:  ## write envs/requirements.lock again from envs/requirements.in
	@PYTHON="$(PYTHON)" sh envs/lock.sh

clean:  ## remove .venv and caches; results, figures and Snakemake's records of them stay
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## remove results and figures, too
	rm -rf results figures .snakemake

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1  \2/p' Makefile
