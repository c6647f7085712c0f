# Every entry point of the repository. `make help` lists them; each sets up what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The first Python that fits; else whatever python3 there is, which then says what to install. The
# system's comes first: distributions build it with profile-guided optimisation, pyenv by default
# does not, and everything here would take half as long again.
PYTHON ?= $(shell for name in /usr/bin/python3.1{1,2,3} python3.1{1,2,3} python3; do \
	"$$name" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && command -v "$$name" && exit; done; echo python3)

VENV := .venv
PY := $(VENV)/bin/python
UV := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(VENV)/bin/uv
READY := $(VENV)/ready
WEB := services/console/web
CHAT := services/intake/web
WIDGET := $(shell find $(CHAT) -name node_modules -prune -o -type f -print 2>/dev/null)
PAGE := $(shell find $(WEB) \( -name node_modules -o -name gen \) -prune -o -type f -print 2>/dev/null)
TIERS := $(PY) -m tests.run_tiers

RATE ?= 20
SECONDS_OF_TRAFFIC ?= 60
DOSE ?= ci
IMAGE_EXTRAS := --extra intake --extra routing --extra sla --extra feedback --extra insights --extra console --extra ops
LOCK := pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11

.PHONY: help
help: ## List every target
	@awk 'BEGIN {FS = ":.*## "} \
	/^## / {printf "\n%s\n", substr($$0, 4)} \
	/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## The two commands

.PHONY: demo test
demo: setup ## Stack up, a minute of traffic, the report, all stopped (KEEP=1 leaves it running)
	@$(VENV)/bin/switchboard demo --rate $(RATE) --seconds $(SECONDS_OF_TRAFFIC) $(if $(KEEP),--keep)

test: setup browser ## Everything that has to hold; prints the time of each tier
	@$(TIERS) all

## Set-up

.PHONY: setup prerequisites jars console widget browser lock
setup: prerequisites $(READY) jars console widget ## Check the machine, then install all it needs
	@echo "Set up: `$(PY) -V`, locked packages, Kafka jars, pages."

prerequisites: ## Say what this machine lacks, a sentence each
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 to 3.13 is missing: install python3.11."; exit 1; }
	@$(PYTHON) local/prerequisites.py

$(READY): requirements-dev.lock pyproject.toml | prerequisites
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@# uv's own entry of the lock, hashes and all, so that pip installs nothing unverified.
	@awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements-dev.lock > $(VENV)/uv.lock
	@$(PY) -m pip install --quiet --require-hashes --no-deps --requirement $(VENV)/uv.lock
	@$(UV) pip sync --quiet --require-hashes requirements-dev.lock
	@$(UV) pip install --quiet --offline --no-deps --no-build-isolation --editable .
	@touch $@

jars: $(READY) ## Fetch the Kafka jars into the user's cache, once
	@$(PY) -c 'from local.kafka.jars import ensure_jars; ensure_jars()'

console: $(WEB)/node_modules/built ## Build the console's pages (npm ci, vite build)

$(WEB)/node_modules/installed: $(WEB)/package-lock.json | prerequisites
	@cd $(WEB) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(WEB)/node_modules/built: $(WEB)/node_modules/installed protos/gen/page.binpb $(PAGE)
	@cd $(WEB) && npm run --silent build
	@touch $@

widget: $(CHAT)/node_modules/built ## Build the chat widget (npm ci, vite build)

$(CHAT)/node_modules/installed: $(CHAT)/package-lock.json | prerequisites
	@cd $(CHAT) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(CHAT)/node_modules/built: $(CHAT)/node_modules/installed $(WIDGET)
	@cd $(CHAT) && npm run --silent build
	@touch $@

browser: $(READY) ## Find or fetch the Chromium that the page tests drive
	@$(PY) -m tests.support.browser

lock: $(READY) ## Resolve the locked requirements anew, keeping what still fits
	@$(UV) $(LOCK) --extra dev pyproject.toml --output-file requirements-dev.lock
	@$(UV) $(LOCK) $(IMAGE_EXTRAS) --constraint requirements-dev.lock pyproject.toml --output-file requirements.lock

## The stack without Docker

.PHONY: up down status
up: setup ## Start Kafka, Postgres and the services on free ports
	@$(VENV)/bin/switchboard up

down: ## Stop the stack
	@$(VENV)/bin/switchboard down

status: ## Say what runs, where, since when
	@$(VENV)/bin/switchboard status

## One tier of `make test` each

.PHONY: fmt lint types arch manifests protos unit contract component simulation e2e page chaos
fmt: $(READY) ## Format all Python (`make test` only checks)
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --quiet --select I --fix .

lint: $(READY) ## ruff: format and lint
	@$(TIERS) lint

types: $(READY) ## mypy --strict
	@$(TIERS) types

arch: $(READY) ## Import contracts, tidy test, documents and compose file against the code
	@$(TIERS) arch

manifests: $(READY) ## deploy/k8s, rendered: valid, restricted, in step with the code
	@$(TIERS) manifests

protos: $(READY) ## Generate what follows from the contracts: code, AsyncAPI
	@$(PY) -m protos

unit: $(READY) ## Cores: examples, properties, decision tables
	@$(TIERS) unit

contract: setup ## One suite for every form of a port; topics, examples
	@$(TIERS) contract

component: setup ## One service through its public doors
	@$(TIERS) component intake

simulation: $(READY) ## All services on the memory bus, seeded faults
	@$(TIERS) simulation

e2e: setup ## The whole stack
	@$(TIERS) e2e

page: setup browser ## The console's page and the chat widget in a real browser
	@$(TIERS) page

chaos: setup ## Kills, freezes, crash points under load (DOSE=full: ten times the CI dose)
	@DOSE=$(DOSE) $(TIERS) chaos

## Figures

.PHONY: bench bench-engine bench-path bench-intake
bench: bench-engine bench-path bench-intake ## Every benchmark

bench-engine: setup ## Our processor beside the bare loop and stock Faust
	@$(PY) -m bench.engine

bench-path: setup ## Webhook to offer beside bare loops that do the same SQL, at 100 and 300 messages/s
	@$(PY) -m bench.path

bench-intake: setup ## Webhooks beside a bare handler, the threader beside its rows alone, a lookup among two million
	@$(PY) -m bench.intake

## The rest

.PHONY: docs clean
docs: $(READY) ## Write the documents that are generated from the code
	@$(PY) -m docs.generator

clean: ## Remove what was built or installed here (the download cache stays)
	@rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@rm -rf $(WEB)/node_modules services/console/static $(CHAT)/node_modules services/intake/static
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
