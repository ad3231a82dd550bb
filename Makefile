# Words to know: make test, make lint, make demo. Each installs what is missing, into .venv and from Debian.
PYTHON ?= $(shell /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo /usr/bin/python3 || echo python3)
VENV ?= .venv
BIN := $(VENV)/bin

BUILD_PACKAGES := gcc libc6-dev libmilter-dev python3-venv python3-dev
RUN_PACKAGES := postfix redis-server
TEST_PACKAGES := swaks m4 sasl2-bin opendkim opendmarc publicsuffix acl logrotate mandoc groff-base man-db \
	debhelper systemd iproute2

DEB_PACKAGES := debhelper

.PHONY: demo test lint fmt unit system faults fuzz deb deb-test clean

demo: .install-run $(VENV)/.run
	@$(BIN)/reply-milter demo

test: .install-run .install-test $(VENV)/.dev
	$(BIN)/pytest -q

lint: $(VENV)/.dev
	$(BIN)/ruff check milter tests
	$(BIN)/ruff format --check milter tests
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(VENV)/.dev
	$(BIN)/ruff format milter tests
	$(BIN)/ruff check --fix milter tests

unit: $(VENV)/.dev
	$(BIN)/pytest -q tests/unit tests/contract

system: .install-run .install-test $(VENV)/.dev
	$(BIN)/pytest -q tests/system

# The long forms of the fault tests; make test runs their short forms.
faults: .install-run .install-test $(VENV)/.dev
	REPLY_MILTER_LONG=1 $(BIN)/pytest -q -s tests/faults

# Looks for inputs that break an invariant, FUZZ_MINUTES for each of FUZZ_TARGETS; make test replays what is known.
FUZZ_MINUTES ?= 1
FUZZ_TARGETS ?=
fuzz: .install-build $(VENV)/.fuzz
	PYTHONPATH=milter:tests $(BIN)/python tests/fuzz/guided.py $(FUZZ_MINUTES) $(FUZZ_TARGETS)

# A Debian package, into dist/.
deb: .install-build .install-deb
	@sh contrib/debian/build-deb

# Built, installed, upgraded, removed and purged on a machine that is thrown away; make test does the first two.
deb-test: .install-run .install-test $(VENV)/.dev
	REPLY_MILTER_LONG=1 $(BIN)/pytest -q tests/system/test_package.py

.PHONY: .install-build .install-run .install-test .install-deb
.install-build:
	@sh contrib/debian/install-missing $(BUILD_PACKAGES)
.install-run: .install-build
	@sh contrib/debian/install-missing $(RUN_PACKAGES)
.install-test:
	@sh contrib/debian/install-missing $(TEST_PACKAGES)

.install-deb: .install-build
	@sh contrib/debian/install-missing $(DEB_PACKAGES)

$(VENV)/bin/python: | .install-build
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing Python packages into $(VENV)"
	@$(BIN)/pip install -q --disable-pip-version-check --use-pep517 -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing Python packages into $(VENV)"
	@$(BIN)/pip install -q --disable-pip-version-check --use-pep517 -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.fuzz: $(VENV)/.dev
	@$(BIN)/pip install -q --disable-pip-version-check --use-pep517 -c constraints.txt -e '.[fuzz]'
	@touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
