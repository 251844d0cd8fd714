# make demo    opens napari with a sample photograph, its predicted labels and its colors
# make test    runs every check and the whole test suite, and tells what took more than 2 s
# make quick   runs the same checks, and the tests that need no window and are not slow: for while you work
# make test-oldest, make test-newest
#              run the test suite with the oldest versions that pyproject.toml names, and with the newest there are, each in
#              an environment of its own; QT_API=pyside6 takes the other Qt binding, TESTS='-m "not viewer"' some of the tests
# make release builds what is uploaded to PyPI, into dist/: the README in it has whole addresses, of this version's tag
# make soak    reads 5,000 damaged files (ROUNDS), does 600 things by chance in a viewer (ACTIONS, SEED) and kills a job of
#              the shell and a training 20 times each (KILLS)
# make docs    builds the documentation site into site/
# All first set up what they need: the system libraries of Qt and OpenGL, where missing and permitted, and a .venv.

PYTHON ?= python3
BIN := .venv/bin
export QT_API ?= pyqt6

export PYTEST_QT_API := $(QT_API)

.PHONY: demo test quick checks test-oldest test-newest docs release soak format clean
ROUNDS ?= 5000
ACTIONS ?= 600
SEED ?= 1
KILLS ?= 20
TOGETHER := -n logical --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

demo: .venv/installed
	$(BIN)/napari-colorizer demo --overwrite

test: checks
	.ci/with-display $(BIN)/pytest $(TOGETHER) --durations=0 --durations-min=2

quick: checks
	$(BIN)/pytest $(TOGETHER) -m "not viewer and not slow"

checks: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/npe2 validate napari-colorizer

test-oldest test-newest: test-%: .venv-%-$(QT_API)/installed
	grep -iE '^(napari|numpy|scikit-image|torch|pyqt6|pyside6)==' $<
	.ci/with-display .venv-$*-$(QT_API)/bin/pytest $(TOGETHER) $(TESTS)

.PRECIOUS: .venv-%-$(QT_API)/installed
.venv-%-$(QT_API)/installed: pyproject.toml .ci/oldest-versions .ci/broken-versions.txt .ci/system-packages
	.ci/system-packages
	$(PYTHON) -m venv --clear $(@D)
	$(if $(filter oldest,$*),$(PYTHON) .ci/oldest-versions) >$(@D)/constraints.txt
	$(@D)/bin/pip install --quiet --constraint $(@D)/constraints.txt --constraint .ci/broken-versions.txt --editable '.[dev]' 'napari[$(QT_API)]'
	[ $(QT_API) = pyqt6 ] || $(@D)/bin/pip uninstall --quiet --yes PyQt6 PyQt6-Qt6 PyQt6-sip
	$(@D)/bin/pip freeze >$@

docs: .venv/installed
	$(BIN)/pip install --quiet --constraint .ci/constraints.txt --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

release: .venv/installed
	$(BIN)/pip install --quiet --editable '.[release]'
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

soak: .venv/installed
	NAPARI_COLORIZER_FUZZ=$(ROUNDS) $(BIN)/pytest tests/test_fuzz.py
	NAPARI_COLORIZER_ACTIONS=$(ACTIONS) NAPARI_COLORIZER_SEED=$(SEED) .ci/with-display $(BIN)/pytest tests/_napari/test_soak.py
	NAPARI_COLORIZER_KILLS=$(KILLS) $(BIN)/pytest tests/batches/test_faults.py tests/training/test_interrupted.py -k random_moments

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/installed: pyproject.toml .ci/constraints.txt .ci/system-packages
	.ci/system-packages
	$(PYTHON) -c 'import sys; sys.exit("napari-colorizer needs Python 3.11 or later" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint .ci/constraints.txt torch
	$(BIN)/pip install --quiet --constraint .ci/constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv .venv-* demo site
