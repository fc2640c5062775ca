# Every target sets itself up: `make run` and `make test` need Python 3.11+ and nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Every process would compile moto and the CDK's library anew if this were passed on to them.
unexport PYTHONDONTWRITEBYTECODE

PYTHON := .venv/bin/python
NODE := $(PYTHON) scripts/with_node.py
STAGE_TEMPLATE := cdk.out/GoProCloudSync.template.json
JUDGED := cdk.out/judged
# Options passed through: make run ARGS="--runs 2", make test ARGS="tests/unit", make cdk ARGS="bootstrap".
ARGS ?=

.PHONY: help environment run test bench docs lint format types synth cfn-lint asl nag checkov check cdk deploy smoke-aws clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

environment: ## Install what the lock files name into .venv (done by every other target)
	@scripts/environment

run: environment ## Copy a GoPro library with the whole pipeline, in the sandbox (ARGS: its options)
	@$(PYTHON) -m sandbox run $(ARGS)

# Three workers on two processors as well, for whole runs wait much of their time; a file's tests stay together.
test: environment ## Run the tests (ARGS: files or pytest options)
	@$(PYTHON) -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

bench: ## Measure the transfer engine beside its peers; takes most of an hour (ARGS=--quick: a minute)
	@scripts/environment bench
	@$(PYTHON) -m benchmarks $(ARGS)

docs: environment ## Write docs/SANDBOX.md and docs/MEDIA.md out of code and tests (ARGS=--check: only compare)
	@$(PYTHON) scripts/sandbox_document $(ARGS)
	@WRITE_DOCS=$(if $(filter --check,$(ARGS)),,1) $(PYTHON) -m pytest -q tests/functional/test_media_document.py

lint: environment ## Check style
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .

format: environment ## Put the code into its style
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

types: environment ## Check types (strict)
	@$(PYTHON) -m mypy

synth: environment ## Write the CloudFormation template into cdk.out; needs no AWS account and no Node.js
	@$(PYTHON) app.py

# The template with the defaults, with every setting changed, in a VPC, and with everything adopted: in cdk.out/judged.
nag: environment ## Check the templates with cdk-nag, and their permissions against docs/SECURITY.md
	@$(PYTHON) -m scripts.nag $(JUDGED)
	@$(PYTHON) -m scripts.security_document $(JUDGED)

cfn-lint: synth nag ## Check the templates against CloudFormation's own schemas
	@.venv/bin/cfn-lint $(STAGE_TEMPLATE) $(JUDGED)/*/*.template.json

checkov: nag ## Check the templates with checkov, and its findings against the answers in docs/SECURITY.md
	@scripts/environment checkov
	@$(PYTHON) -m scripts.checkov_answers $(JUDGED)

asl: synth node_modules ## Check the state machine's definition
	@$(PYTHON) scripts/resolved_definition.py $(STAGE_TEMPLATE) > cdk.out/state_machine.resolved.json
	@$(NODE) asl-validator --json-path cdk.out/state_machine.resolved.json

check: lint types cfn-lint asl nag checkov ## Everything that is checked without running it
	@$(NODE) cdk synth --quiet --output cdk.out/by-cli
	@diff $(STAGE_TEMPLATE) cdk.out/by-cli/$(notdir $(STAGE_TEMPLATE))
	@echo "check: clean"

cdk: environment node_modules ## Run the CDK's command line (ARGS: its arguments)
	@$(PYTHON) scripts/check_account.py $(ARGS)
	@$(NODE) cdk $(ARGS)

deploy: environment node_modules ## Deploy with the AWS credentials of your shell (ARGS: -c key=value ...)
	@$(PYTHON) scripts/check_account.py deploy $(ARGS)
	@$(NODE) cdk deploy $(ARGS)

# Not part of any check: it costs a few cents and needs an AWS account (docs/DEPLOY.md, "Prove it in your account").
smoke-aws: environment node_modules ## Deploy a throw-away stage, prove it on real AWS, remove it (SIMULATOR=https://...)
	@$(PYTHON) -m smoke $(if $(SIMULATOR),--simulator '$(SIMULATOR)') $(ARGS)

# The stamp is npm's own record of what is installed.
node_modules: node_modules/.package-lock.json
node_modules/.package-lock.json: package-lock.json | environment
	@$(NODE) npm ci --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

clean: ## Remove what was made here, .venv and node_modules included
	rm -rf .venv .cache cdk.out node_modules out .pytest_cache .mypy_cache .ruff_cache .hypothesis
