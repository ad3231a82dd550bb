# Words to know: make test, make lint, make demo, make bench. Each installs what is missing, into .venv and from Debian.
PYTHON ?= $(shell /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo /usr/bin/python3 || echo python3)
VENV ?= .venv
BIN := $(VENV)/bin

BUILD_PACKAGES := gcc libc6-dev libmilter-dev python3-venv python3-dev
RUN_PACKAGES := postfix redis-server
TEST_PACKAGES := swaks m4 dovecot-imapd sasl2-bin opendkim opendmarc publicsuffix acl logrotate mandoc groff-base man-db \
	build-essential debhelper debootstrap bash-completion git systemd iproute2 prometheus prometheus-alertmanager curl \
	rspamd strace ruby-mail nodejs php-cli php-intl postgresql mariadb-server sqlite3
IMAP_PACKAGES := dovecot-imapd
BENCH_PACKAGES := opendkim rspamd
DEB_PACKAGES := build-essential debhelper
READER_PACKAGES := ruby-mail golang-go php-cli php-mailparse

.PHONY: demo demo-imap fetch-speed test lint fmt unit system faults timing fuzz readers reply-text-score audit compiled compiled-test deb deb-test bench bench-short bench-engines bench-long soak microseconds dashboard preview clean pictures

demo: .install-run $(VENV)/.run
	@$(BIN)/reply-milter demo

# Replies out of a mailbox: a private Dovecot, a reply, a replay and a forgery.
demo-imap: .install-run .install-imap $(VENV)/.dev
	@PYTHONPATH=milter:. $(BIN)/python -m tools.demo_imap

# How fast replies are fetched from a private Dovecot and posted to a webhook, and whose CPU time that takes.
fetch-speed: .install-run .install-imap $(VENV)/.dev
	@PYTHONPATH=milter:. $(BIN)/python -m tools.fetch_speed

# Most tests wait for processes most of the time: three at once take little more than half as long as one by one. Some look at
# the clock: what fails beside others is run once more alone, and has to hold there. Both runs are printed.
test: .install-run .install-test .install-applications $(VENV)/.dev $(VENV)/.types
	@$(BIN)/pytest -q -n 3 --dist loadfile || { status=$$?; [ $$status -eq 1 ] || exit $$status; \
		echo "once more, alone: what failed beside others"; $(BIN)/pytest -q --last-failed --last-failed-no-failures none; }

lint: $(VENV)/.dev
	$(BIN)/ruff check milter tests tools benchmarks grafana
	$(BIN)/ruff format --check milter tests tools benchmarks grafana
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(VENV)/.dev
	$(BIN)/ruff format milter tests tools benchmarks grafana
	$(BIN)/ruff check --fix milter tests tools benchmarks grafana

unit: $(VENV)/.dev
	$(BIN)/pytest -q -n 3 --dist loadfile tests/unit tests/contract

system: .install-run .install-test .install-applications $(VENV)/.dev
	$(BIN)/pytest -q -n 3 --dist loadfile tests/system

# The long forms of the fault tests, on a machine that does nothing else; make test runs their short forms. Their figures go
# into docs/reliability.md, failures among them; what each message heard is kept in build/faults. REPLY_MILTER_FETCHED=10000
# has the fetcher's memory looked at over a tenth of its replies, which take half an hour.
FAULT_RESULTS := build/faults/results.jsonl
faults: .install-run .install-test $(VENV)/.dev
	@rm -rf build/faults && mkdir -p build/faults
	REPLY_MILTER_LONG=1 REPLY_MILTER_RESULTS=$(FAULT_RESULTS) $(BIN)/pytest -q -s tests/faults tests/system/test_fetch_encrypted.py; status=$$?; \
		$(BIN)/python tests/faults/reliability_page.py $(FAULT_RESULTS) docs/reliability.md; \
		cp $(FAULT_RESULTS) docs/reliability.jsonl; exit $$status

# Whether the time of an answer tells what is wrong with a token or a native key, 10,000 questions of each kind; make test
# asks 1,500. Medians and their ratios are in docs/hostile-input.md.
timing: .install-run .install-test $(VENV)/.dev
	REPLY_MILTER_LONG=1 $(BIN)/pytest -q -s tests/faults/test_timing.py

# Looks for inputs that break an invariant, FUZZ_MINUTES for each of FUZZ_TARGETS; make test replays what is known.
FUZZ_MINUTES ?= 1
FUZZ_TARGETS ?=
fuzz: .install-build $(VENV)/.fuzz
	PYTHONPATH=milter $(BIN)/python -m tests.fuzz.guided $(FUZZ_MINUTES) $(FUZZ_TARGETS)

# What applications' readers find in restored replies with hostile headers; make test asks Python's and Ruby's alone.
readers: .install-readers $(VENV)/.dev
	REPLY_MILTER_LONG=1 $(BIN)/pytest -q tests/readers

# How many replies of the corpus come out right, kind by kind; fails if words are lost. CORPUS names another folder.
CORPUS ?=
reply-text-score: $(VENV)/.run
	@PYTHONPATH=milter $(BIN)/python -m tools.reply_text_score $(CORPUS)

# Known vulnerabilities of what an installation runs; fails where nobody can be asked.
audit: $(VENV)/.audit
	@PYTHONPATH=milter $(BIN)/python -m tools.audit

# The way of a reply compiled with mypyc, into build/compiled; docs/performance.md says how to install it.
COMPILED := $(CURDIR)/build/compiled
compiled: .install-build $(VENV)/.compiled
	@rm -rf $(COMPILED)
	REPLY_MILTER_COMPILED=1 $(BIN)/python setup.py -q build --build-base build/setup --build-lib $(COMPILED)

# The tests of what is compiled, on what was compiled; the daemon of the wire tests, too.
COMPILED_TESTS ?= tests/unit/core tests/unit/flows tests/unit/adapters/libmilter tests/unit/adapters/milter_loop tests/unit/wiring tests/wire
compiled-test: compiled .install-run .install-test $(VENV)/.dev
	REPLY_MILTER_COMPILED=1 PYTHONPATH=$(COMPILED) $(BIN)/pytest -q -n 3 --dist loadfile \
		-o pythonpath=". $(COMPILED)" $(COMPILED_TESTS)

# A Debian package, into dist/.
deb: .install-build .install-deb
	@sh contrib/debian/build-deb

# Built, installed, upgraded, removed and purged on a machine that is thrown away; make test does the first two.
deb-test: .install-run .install-test $(VENV)/.dev
	REPLY_MILTER_LONG=1 $(BIN)/pytest -q $(addprefix tests/system/test_, package.py bare_debian.py first_day.py \
		postfix_attach.py postfix_attach_safely.py)

# The milter beside others: a quarter of an hour. Writes benchmarks/results and the figures of README.md and
# docs/performance.md. The short form only sees that all of it works, and writes into build/benchmarks.
bench: .install-run .install-bench $(VENV)/.charts
	$(BIN)/python -m benchmarks

bench-short: .install-run .install-bench $(VENV)/.charts
	$(BIN)/python -m benchmarks --short --into build/benchmarks

# Both engines beside each other, the loop compiled, too, and what it is compared with, ROUNDS times: two minutes each. It
# only prints.
ROUNDS ?= 5
bench-engines: compiled .install-run .install-bench $(VENV)/.charts
	$(BIN)/python -m benchmarks --engines $(COMPILED) --rounds $(ROUNDS)

# A million messages: does anything grow? ENGINE: pymilter or loop.
ENGINE ?= pymilter
bench-long: .install-run $(VENV)/.charts
	$(BIN)/python -m benchmarks --soak --engine $(ENGINE)

# A million junk recipients, and an hour of mixed load: does anything grow, and who waits beside it?
MINUTES ?= 60
soak: .install-run $(VENV)/.charts
	$(BIN)/python -m benchmarks --flood $(MINUTES) --engine $(ENGINE)

# Where the time of one message goes.
microseconds: .install-run $(VENV)/.run
	@$(BIN)/python -m benchmarks.microseconds
	@$(BIN)/python -m benchmarks.parts

# grafana/reply-milter.json, from its description in Python.
dashboard: $(VENV)/.run
	$(BIN)/python -m grafana.dashboard

# What the panels show: a host lives for a minute, a Prometheus watches it, and grafana/preview/ gets a picture.
preview: .install-run .install-test $(VENV)/.charts
	PYTHONPATH=milter $(BIN)/python -m grafana.preview

# The pictures of the README: docs/pictures, from what the demonstration prints.
pictures: .install-run $(VENV)/.run
	PYTHONPATH=milter $(BIN)/python -m tools.pictures

.PHONY: .install-build .install-run .install-test .install-imap .install-deb .install-bench .install-readers
.install-build:
	@sh contrib/debian/install-missing $(BUILD_PACKAGES)
.install-run: .install-build
	@sh contrib/debian/install-missing $(RUN_PACKAGES)
.install-test:
	@sh contrib/debian/install-missing $(TEST_PACKAGES)
.install-imap:
	@sh contrib/debian/install-missing $(IMAP_PACKAGES)
.install-readers: .install-build
	@sh contrib/debian/install-missing $(READER_PACKAGES)
.install-bench:
	@sh contrib/debian/install-missing $(BENCH_PACKAGES)

.install-deb: .install-build
	@sh contrib/debian/install-missing $(DEB_PACKAGES)

$(VENV)/bin/python: | .install-build
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing Python packages into $(VENV)"
	@$(BIN)/pip install -q --disable-pip-version-check --use-pep517 -c constraints.txt -e '.[imap]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing Python packages into $(VENV)"
	@$(BIN)/pip install -q --disable-pip-version-check --use-pep517 -c constraints.txt -e '.[dev,imap]'
	@touch $@ $(VENV)/.run

$(VENV)/.charts: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing Python packages into $(VENV)"
	@$(BIN)/pip install -q --disable-pip-version-check --use-pep517 -c constraints.txt -e '.[dev,imap,charts]'
	@touch $@ $(VENV)/.run $(VENV)/.dev

# Real applications that tests/system wraps, unmodified, each in a virtual environment of its own.
APPLICATIONS := build/applications
.install-applications: $(APPLICATIONS)/roundup/.installed $(APPLICATIONS)/mailman/.installed

$(APPLICATIONS)/%/.installed: tests/applications/%.txt tests/applications/constraints.txt | .install-build
	@echo "installing $* for the tests into $(@D)"
	@rm -rf $(@D) && $(PYTHON) -m venv $(@D)
	@$(@D)/bin/pip install -q --disable-pip-version-check -c tests/applications/constraints.txt -r $<
	@touch $@

# Grafana's own types, for a test that is left out where there is no npm.
$(VENV)/.types: tests/monitoring/types/package.json | $(VENV)/bin/python
	@mkdir -p $(VENV)/grafana-types && cp $< $(VENV)/grafana-types/
	@if command -v npm >/dev/null; then \
		cd $(VENV)/grafana-types && npm install --no-audit --no-fund --no-package-lock --ignore-scripts --silent; \
	else echo "no npm here: the types of the dashboard are not checked"; fi
	@touch $@

$(VENV)/.fuzz: $(VENV)/.dev
	@$(BIN)/pip install -q --disable-pip-version-check --use-pep517 -c constraints.txt -e '.[fuzz]'
	@touch $@

$(VENV)/.compiled: $(VENV)/.dev
	@$(BIN)/pip install -q --disable-pip-version-check --use-pep517 -c constraints.txt -e '.[compiled]'
	@touch $@

$(VENV)/.audit: $(VENV)/.dev
	@$(BIN)/pip install -q --disable-pip-version-check --use-pep517 -c constraints.txt -e '.[audit]'
	@touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
