# The only entry point. Needs a Rust toolchain, a C compiler, CPython 3.10+ (3.11 in CI) and Node 18+ (20 in CI); everything
# else is installed here, into .venv and node/node_modules, from pinned lists.

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
OLDEST := .cache/oldest
LAYERS := .cache/layers
# What cargo makes of the addon, and where the package finds it.
ADDON := $(or $(CARGO_TARGET_DIR),target)/debug/libllmlab_node.$(if $(filter Darwin,$(shell uname)),dylib,so)
MATURIN := cd python && VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin

.PHONY: help setup build package demo test soak fuzz e2e lint fmt bench prices docs clean

help:
	@echo "make demo    a real application under llmlab, and what it cost"
	@echo "make test    every test"
	@echo "make soak    the long forms of the tests that kill, corrupt and starve"
	@echo "make fuzz    ten minutes of any bytes for the readers of the wire; needs a C++ compiler"
	@echo "make e2e     ships calls to real servers (1.8 GB of them, into .cache) and reads them back"
	@echo "make lint    every linter, warnings denied"
	@echo "make fmt     formats everything"
	@echo "make bench   our speed beside our peers', in one run"
	@echo "make build   the wheel and the command, optimised, into target/"
	@echo "make package everything that is published, into dist/, and each tried from an empty folder"
	@echo "make docs    writes the tables of docs/providers.md anew; the figures of recordings where LLMLAB_CORPUS has them"
	@echo "make prices  builds the catalogue anew from its pinned sources, and checks it against them"

setup: $(VENV)/.installed node/node_modules/.installed

node/node_modules/.installed: node/package-lock.json
	cd node && npm ci --silent
	touch $@

$(VENV)/.installed: python/requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r python/requirements-dev.txt
	touch $@

# The oldest HTTP clients that are supported live in an environment of their own.
$(OLDEST)/.installed: python/requirements-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check -r python/requirements-oldest.txt
	touch $@

# So do the frameworks above the SDKs, which agree with nobody on versions: 330 MB.
$(LAYERS)/.installed: python/requirements-layers.txt
	$(PYTHON) -m venv $(LAYERS)
	$(LAYERS)/bin/python -m pip install --quiet --disable-pip-version-check -r python/requirements-layers.txt
	touch $@

build: setup
	cargo build --release --locked -p llmlab-cli
	$(MATURIN) build --quiet --release --locked --out ../target/wheels

# What a release publishes, of this platform. Then each package is installed into an empty folder outside of here, and runs
# the quickstart there. Takes minutes: three optimised builds, and a user's of the crates.
CRATES := llmlab-macros llmlab llmlab-cli
package: setup
	rm -rf dist
	$(BIN)/python tools/package/compiled.py --out dist
	$(MATURIN) sdist --out ../dist
	cd node && npm run --silent build
	$(BIN)/python tools/package/npm.py main $(if $(REPOSITORY),--repository $(REPOSITORY)) --out dist
	cargo package --quiet --locked --allow-dirty $(CRATES:%=-p %)
	cp $(CRATES:%=$(or $(CARGO_TARGET_DIR),target)/package/%-[0-9]*.crate) dist
	cd tools/package && $(BIN)/python -m pytest -q

# A home of its own, so that the demo shows itself and leaves your ledger alone.
demo: export LLMLAB_HOME := $(CURDIR)/.cache/demo
demo: export PATH := $(BIN):$(PATH)
demo: setup
	$(MATURIN) develop --quiet --release --locked
	rm -rf $(LLMLAB_HOME)
	python examples/stand_in.py llmlab run python examples/support_desk.py
	llmlab status

test: setup $(OLDEST)/.installed $(LAYERS)/.installed
	cargo test --workspace --locked
	$(MATURIN) develop --quiet --locked
	cd python && $(BIN)/python -m pytest
	cd python && $(CURDIR)/$(OLDEST)/bin/python -m pytest tests/test_transport.py tests/test_transports_*.py
	cd python && $(CURDIR)/$(LAYERS)/bin/python -m pytest tests/layers
	cd tools/package && $(BIN)/python -m pytest -q test_release.py test_version.py
	cargo build --locked -p llmlab-node
	mkdir -p node/native && cp $(ADDON) node/native/llmlab.node
	cd node && npm run --silent build && npm run --silent test

# More kills, more cases, more threads; optimised, because the point is how much happens at once.
soak: export LLMLAB_SOAK := 1
soak: export PROPTEST_CASES := 20000
soak: setup
	cargo test --release --workspace --locked
	$(MATURIN) develop --quiet --release --locked
	cd python && $(BIN)/python -m pytest

# libFuzzer with the coverage of the stable compiler. What it finds is left in .cache/fuzz, with how to run it again.
FUZZ_SECONDS ?= 300
FUZZ_HOST := $(shell rustc -vV | sed -n 's/^host: //p')
FUZZ_FLAGS := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares
fuzz:
	RUSTFLAGS="$(FUZZ_FLAGS)" cargo build --release --locked --manifest-path core/fuzz/Cargo.toml \
		--target $(FUZZ_HOST) --target-dir target/fuzz
	mkdir -p .cache/fuzz/exchange .cache/fuzz/response
	$(PYTHON) core/fuzz/seeds.py .cache/fuzz/seeds
	cd .cache/fuzz && for target in exchange response; do \
		$(CURDIR)/target/fuzz/$(FUZZ_HOST)/release/$$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 \
			-max_len=65536 -use_value_profile=1 -print_final_stats=1 $$target seeds || exit 1; \
	done

# Each server has an environment of its own: they agree on no versions. Not part of CI, for their size.
e2e: setup
	for server in phoenix mlflow rotel; do test -d .cache/e2e/$$server || $(PYTHON) -m venv .cache/e2e/$$server || exit 1; done
	.cache/e2e/phoenix/bin/python -m pip install --quiet --disable-pip-version-check arize-phoenix==20.26.1
	.cache/e2e/mlflow/bin/python -m pip install --quiet --disable-pip-version-check mlflow==3.17.2
	.cache/e2e/rotel/bin/python -m pip install --quiet --disable-pip-version-check --no-deps rotel==0.0.1a15
	$(MATURIN) develop --quiet --locked
	$(BIN)/python tools/e2e .cache/e2e .cache/e2e/run

lint: setup
	cargo fmt --all --check
	cargo fmt --check --manifest-path core/fuzz/Cargo.toml
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	cargo clippy -p llmlab --lib --locked -- -D warnings
	for feature in https macros reqwest-middleware tower; do \
		cargo clippy -p llmlab --lib --locked --features $$feature -- -D warnings || exit 1; done
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps --locked --quiet
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	cd python && $(BIN)/mypy
	cd node && npm run --silent lint
	$(BIN)/zizmor --offline --quiet --persona pedantic .github/workflows
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

# The peers live in an environment of their own: nothing of ours depends on them.
bench: setup build
	$(PYTHON) -m venv .bench
	.bench/bin/python -m pip install --quiet --disable-pip-version-check -r python/benches/requirements.txt
	.bench/bin/python -m pip install --quiet --disable-pip-version-check --force-reinstall --no-index target/wheels/llmlab-*.whl
	$(PYTHON) -m venv .bench/litellm
	.bench/litellm/bin/python -m pip install --quiet --disable-pip-version-check -r python/benches/litellm.txt
	cargo bench --locked -p llmlab
	.bench/bin/python python/benches
	cargo build --release --locked -p llmlab-node
	mkdir -p node/native && cp $(subst /debug/,/release/,$(ADDON)) node/native/llmlab.node
	cd node && npm run --silent build
	cd node/bench && npm ci --silent && PYTHON=$(CURDIR)/.bench/bin/python node .

docs: export LLMLAB_REGENERATE := 1
docs:
	cargo test --locked -p llmlab --test corpus
	cargo test --locked -p llmlab-cli --test cli providers_page

fmt: setup
	cargo fmt --all
	cargo fmt --manifest-path core/fuzz/Cargo.toml
	$(BIN)/ruff check --fix --quiet
	$(BIN)/ruff format
	cd node && npm run --silent fmt

prices: setup
	$(PYTHON) -m venv .cache/prices
	.cache/prices/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r tools/prices/requirements.txt
	.cache/prices/bin/python -m pip install --quiet --disable-pip-version-check $(shell grep genai tools/prices/requirements.txt)
	.cache/prices/bin/python tools/prices/generate.py --report .cache/prices/report.txt
	cargo build --release --locked -p llmlab --example price
	.cache/prices/bin/python tools/prices/crosscheck.py $(or $(CARGO_TARGET_DIR),target)/release/examples/price

clean:
	rm -rf target $(VENV) .bench .cache node/node_modules node/dist node/.build node/native
