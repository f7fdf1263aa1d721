# Every target sets up what it needs: on a fresh machine `make demo` alone is enough.
#   make VENV=/path/to/env PYTHON=python3.12 test     another environment, another Python
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt
# Worker processes for the tests; each runs torch on one thread.
WORKERS ?= auto
SOURCES := skmist tests benchmarks doc

.PHONY: help setup demo test test-slow lint format doc bench dist check-wheel clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         mutual information of scikit-learn's diabetes data, with a picture"
	@echo "make test         the test suite (test-slow: the tests marked slow)"
	@echo "make lint         ruff: rules and formatting (format: apply both)"
	@echo "make doc          the documentation, into doc/_build/html"
	@echo "make bench        the benchmarks, into benchmarks/results"
	@echo "make dist         wheel and sdist, into dist (check-wheel: try them in an empty environment)"
	@echo "make clean        remove what the other targets wrote, except $(VENV) and benchmarks/results"

# The stamp is older than a changed requirement, and then the environment is brought up to date.
$(VENV)/.installed: setup.cfg pyproject.toml constraints.txt
	@echo "setting up $(VENV) (some minutes the first time)"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e ".[tests,plot]"
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(PIP) -e ".[tests,plot,docs]"
	touch $@

$(VENV)/.installed-build: $(VENV)/.installed
	$(PIP) build
	touch $@

setup: $(VENV)/.installed

demo: $(VENV)/.installed
	MPLBACKEND=Agg $(BIN)/python doc/examples/plot_diabetes.py outputs/diabetes.png

test: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 $(PYTEST_ARGS)

test-slow: $(VENV)/.installed $(VENV)/.installed-build
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

lint: $(VENV)/.installed
	$(BIN)/ruff check $(wildcard $(SOURCES))
	$(BIN)/ruff format --check $(wildcard $(SOURCES))

format: $(VENV)/.installed
	$(BIN)/ruff check --fix $(wildcard $(SOURCES))
	$(BIN)/ruff format $(wildcard $(SOURCES))

doc: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going -b html doc doc/_build/html
	@echo "documentation: doc/_build/html/index.html"

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks
	$(BIN)/python doc/describe_weights.py

dist: $(VENV)/.installed-build
	rm -rf build dist
	$(BIN)/python -m build
	@ls -l dist

check-wheel: $(VENV)/.installed-build
	$(BIN)/python -m pytest -m slow -s tests/test_wheel.py

clean:
	rm -rf build dist outputs .pytest_cache .ruff_cache .hypothesis .coverage htmlcov
	rm -rf doc/_build doc/auto_examples doc/generated doc/sg_execution_times.rst *.egg-info
	find $(wildcard $(SOURCES)) -name __pycache__ -prune -exec rm -rf {} +
