# `make demo` and `make test` do everything on a fresh Debian machine; see README.md.
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c
.PHONY: behaviours fidelity demo test test-full check coverage bench bench-engine setup hosts-setup clean lock

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# What the disposable hosts need; `configurator sandbox up` names the same packages when they are missing.
HOST_PACKAGES := debootstrap systemd-container iproute2 nftables openssh-client
WORKERS ?= 3

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	@if ! $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null; then
		echo "installing python3-venv"
		$(SUDO) apt-get update -qq
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3 python3-venv >/dev/null
	fi
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

hosts-setup:
	@missing=""
	for package in $(HOST_PACKAGES); do
		dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"
	done
	if [ -n "$$missing" ]; then
		echo "installing$$missing"
		$(SUDO) apt-get update -qq
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null
	fi

demo: setup hosts-setup
	@$(SUDO) $(BIN)/python demo/demo.py

test: setup hosts-setup check
	@$(SUDO) env CI="$${CI-}" $(BIN)/pytest -m "not host and not full" -n $(WORKERS)
	@$(SUDO) env CI="$${CI-}" $(BIN)/pytest -m "host and not full" -n $(WORKERS) --dist loadgroup

test-full: setup hosts-setup check coverage
	@$(SUDO) env CI="$${CI-}" $(BIN)/pytest -n $(WORKERS) --dist loadgroup

# Every line and branch of the engine is run by its unit tests.
coverage: setup
	@$(BIN)/python -m tools.coverage

# The table of what every module is held to on real hosts: `make behaviours ARGS="apt cron"` for some of them.
behaviours: setup hosts-setup
	@$(SUDO) $(BIN)/python -m tools.behaviours $(ARGS)

# How sure plans of ordinary roles are, plain and deep: `make fidelity ARGS="nginx redis"` for some of them.
fidelity: setup hosts-setup
	@$(SUDO) $(BIN)/python -m tools.fidelity $(ARGS)

check: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: setup hosts-setup
	@$(SUDO) $(BIN)/python -m benchmarks

# The engine alone, next to its peers; needs no root. `make bench-engine ARGS=--full` takes longer.
bench-engine: setup
	@$(BIN)/pip install -q --disable-pip-version-check -r benchmarks/requirements.txt
	@$(BIN)/python -m benchmarks.engine $(ARGS)

# Pin what pyproject.toml admits; run after changing a dependency.
lock: setup
	@$(BIN)/pip install -q pip-tools
	@$(BIN)/pip-compile -q --no-emit-index-url --no-emit-find-links --strip-extras --allow-unsafe --generate-hashes --extra dev --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
