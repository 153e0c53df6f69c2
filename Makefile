# `make demo` and `make test` do all set-up themselves. Everything lands in .venv/ and build/ of this checkout, and in ~/.cache/droplearn.
PYTHON ?= python3
BIN := .venv/bin
PIP_VERSION := 26.2.1
EXTRAS := cli,functions,training,networks,ocr,tabular,serving,twin,demo,dev
# Where pip would take a CUDA build of torch (several GB) and the CPU build is wanted: make setup TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu
TORCH_INDEX_URL ?=
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-triton check lock bench-serving bench-indexing clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: .venv/.ready  ## .venv with everything, the backbones, the packaged Lambdas

.venv/.ready: pyproject.toml locks/constraints.txt
	@echo "== 1/4 virtual environment"
	@$(PYTHON) -c 'import sys; assert sys.version_info[:2] == (3, 11), "droplearn needs Python 3.11 (PYTHON=...), this is " + sys.version'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || ($(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends python3-venv)
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip==$(PIP_VERSION)'
	@echo "== 2/4 packages (about 2.8 GB)"
	@if [ -n "$(TORCH_INDEX_URL)" ]; then $(BIN)/pip install --index-url $(TORCH_INDEX_URL) 'torch==2.13.0'; fi
	@$(BIN)/pip install --progress-bar on -c locks/constraints.txt -e '.[$(EXTRAS)]'
	@$(BIN)/pip check
	@echo "== 3/4 backbones"
	@$(BIN)/python -m droplearn.networks.backbones
	@echo "== 4/4 Lambda package"
	@$(BIN)/python -m twin.packaging --out build/package
	@touch $@

demo: setup  ## the main job on this machine: drop, train, evaluate, deploy, predict
	@$(BIN)/python -m demo

test: setup  ## all tests
	@$(BIN)/python -m twin.packaging --out build/package  # once, before several processes ask for it
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder  # the long files first, as their folders come: the end is many short ones

check: setup  ## format, lint, types, import rules, template
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy src functions/chalicelib training_container/trainer serving_container/server twin demo
	@PYTHONPATH=src:functions:training_container:serving_container:. $(BIN)/lint-imports
	@$(BIN)/python -m twin.packaging --out build/package
	@$(BIN)/cfn-lint build/package/sam.yaml

# What only an image installs is resolved beside what .venv holds, and not installed.
lock:  ## write locks/constraints.txt anew from what .venv holds, and from what the image for trials adds
	@mkdir -p build
	@$(BIN)/pip freeze --exclude-editable | grep -viE '^(-e|droplearn)' | sed -E 's/^torch( @ .*|==.*)$$/torch==2.13.0/' > build/locked.txt
	@$(BIN)/pip install --dry-run --disable-pip-version-check -c build/locked.txt '.[trial]' | sed -nE 's/^Would install //p' | tr ' ' '\n' \
	  | grep -v '^droplearn-' | sed -E 's/-([^-]+)$$/==\1/' > build/only-images.txt
	@(echo '# Exact versions of everything that is installed anywhere: used as `pip install -c`. Made by `make lock`.'; \
	  LC_ALL=C sort -fu build/locked.txt build/only-images.txt) > locks/constraints.txt

bench-indexing: setup  ## AWS calls per 1,000 dropped objects
	@$(BIN)/python -m benchmarks.indexing

bench-serving: setup  ## the server beside its peers, in a virtual environment of its own
	@[ -x build/bench-venv/bin/python ] || $(PYTHON) -m venv build/bench-venv
	@build/bench-venv/bin/pip install --quiet -c locks/constraints.txt -r benchmarks/serving/requirements.txt -e '.[training,networks,serving]'
	@build/bench-venv/bin/pip install --quiet bentoml==1.4.39  # without the locked versions: it asks for others of what only it uses
	@build/bench-venv/bin/pip install --quiet --no-deps nvidia-pytriton==0.7.0 tritonclient==2.73.0
	@build/bench-venv/bin/pip install --quiet grpcio protobuf python-rapidjson
	@build/bench-venv/bin/python -m benchmarks.serving

# The wheel nvidia-pytriton asks for numpy 1, which its binary does not need here; so the two come without their dependencies.
test-triton: setup  ## engine triton with the real tritonserver, in a virtual environment of its own (0.9 GB)
	@[ -x build/triton-venv/bin/python ] || $(PYTHON) -m venv build/triton-venv
	@build/triton-venv/bin/pip install --quiet -c locks/constraints.txt -e '.[serving]' boto3 onnx psutil pytest
	@build/triton-venv/bin/pip install --quiet --no-deps nvidia-pytriton==0.7.0 tritonclient==2.73.0
	@build/triton-venv/bin/pip install --quiet grpcio protobuf python-rapidjson
	@build/triton-venv/bin/python -m pytest --noconftest tests/contract/serving/test_triton_engine.py

clean:  ## remove what is made; keeps .venv and your state
	@rm -rf build demo-output functions/vendor .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
