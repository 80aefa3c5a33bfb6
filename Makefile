# `make` lists the commands. They need Python 3.11 or newer with its venv module, make and git.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test size check style types floors format migrations translations messages bench screenshots pictures requirements vendor venv venv-dev

# pip and the tools keep their caches at home; where there is none, they stay in the project.
export HOME := $(or $(HOME),$(CURDIR)/.cache)
PY := .venv/bin/python
FLASK := $(PY) -m flask --app run
# More arguments for pytest: make test ARGS="-k sku"
ARGS ?=
# Two databases are tried; more workers than cores only wait for them.
WORKERS ?= auto

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

run: venv ## install, migrate, load the demo catalogue, create the first administrator, serve on http://127.0.0.1:5000
	@$(FLASK) db upgrade
	@$(FLASK) demo load --if-empty
	@$(FLASK) users ensure-first
	@$(PY) run.py

test: venv-dev ## run the test suite
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

size: venv-dev ## ask of a million products what a page reads; the database is kept (SIZE_PRODUCTS, SIZE_DATABASE_URL)
	@SIZE_PRODUCTS=$${SIZE_PRODUCTS:-1000000} SIZE_KEEP=1 REQUIRE_SERVICES=1 $(PY) -m pytest -n 0 tests/size $(ARGS)

check: style types floors migrations translations test ## all of the following, then the test suite (-k goes on after a failure)

style: venv-dev ## format and lint, changing nothing
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .

types: venv-dev ## check types
	$(PY) -m mypy

floors: venv-dev ## check that imports point down
	.venv/bin/lint-imports --no-logo

migrations: venv-dev ## migrate an empty database up and down, and compare it with the models
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && \
	export APP_ENV=testing INSTANCE_PATH="$$scratch" DATABASE_URL= && \
	$(FLASK) db upgrade && $(FLASK) db check && $(FLASK) db downgrade base && $(FLASK) db upgrade

translations: venv-dev ## check that every text is translated into every language
	@$(PY) .ci/translations.py check

messages: venv-dev ## find every text, add new ones to translations/, drop those that are gone, compile
	@$(PY) .ci/translations.py update

format: venv-dev ## format the code and mend what lint can mend
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: venv-dev ## run the benchmark; prints a table and writes JSON to bench/results/
	@$(PY) -m bench

screenshots: venv-dev ## draw every screen into FOLDER (default screenshots/): light, dark and Arabic, wide and narrow
	@$(PY) -m tests.browser.draw $(or $(FOLDER),screenshots) $(NAMES)

pictures: venv-dev ## draw the pictures of the documents, docs/pictures/
	@$(PY) -m tests.browser.pictures

requirements: ## compile requirements/*.in with hashes for every platform (UPGRADE=--upgrade takes newer releases)
	@command -v uv >/dev/null || { echo "uv is missing: install it (python3 -m pip install uv)." >&2; exit 1; }
	$(COMPILE) requirements/run.in --output-file requirements.txt
	$(COMPILE) requirements/dev.in --constraint requirements.txt --output-file requirements/dev.txt
	$(COMPILE) requirements/extras.in --constraint requirements.txt --output-file requirements/extras.txt

COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header $(UPGRADE)

vendor: ## fetch the browser's third-party files that .ci/vendor.toml lists
	@python=$$(.ci/python) && "$$python" .ci/vendor.py

venv:
	@.ci/venv requirements.txt

venv-dev:
	@.ci/venv requirements/dev.txt
