# `make demo` and `make test` do all set-up themselves; `make help` lists the rest.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

bin := .venv/bin
ready := .venv/.complete
study := runs/sample-families
out := $(study)/out
# The planned training: three times the largest proxy, five times the most bytes.
target := --params 1e6 --tokens 1e7

.PHONY: help demo test slow lint format types contract docs lock clean

help:  ## list these targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

demo: $(ready)  ## fit the shipped study, decide its ratios and write a report
	mkdir -p $(out)
	$(bin)/bayeslaw fit $(study)/observations.csv --model token_drift -o $(out)/posterior.nc
	$(bin)/bayeslaw check $(out)/posterior.nc
	$(bin)/bayeslaw ratios $(out)/posterior.nc $(target)
	$(bin)/bayeslaw report $(out)/posterior.nc $(target) -o $(out)/report.html
	@echo "The report is $(out)/report.html"

test: $(ready)  ## run the fast tests
	$(bin)/pytest -q -n 2 --dist worksteal

slow: $(ready)  ## run the statistical and other long tests
	$(bin)/pytest -q -m slow -n 2 --dist loadfile

lint: $(ready)  ## check formatting and style
	$(bin)/ruff format --check .
	$(bin)/ruff check .

format: $(ready)  ## format, and mend the style where ruff can
	$(bin)/ruff format .
	$(bin)/ruff check --fix .

types: $(ready)  ## check the types of the package
	$(bin)/mypy

contract: $(ready)  ## check that lower layers import no higher ones
	$(bin)/lint-imports --no-logo

docs: $(ready)  ## build docs/_build/index.html, warnings are errors
	$(bin)/sphinx-build -q -W --keep-going -E docs docs/_build

lock: $(ready)  ## renew requirements.lock from pyproject.toml
	$(bin)/uv pip compile pyproject.toml --group dev --universal --python-version 3.12 \
	  --generate-hashes --no-header --no-emit-index-url --no-annotate --upgrade -q -o requirements.lock

# Results of studies (runs/*/out) may have cost hours and stay.
clean:  ## remove .venv, caches and built docs
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache docs/_build docs/gallery/generated
	find bayeslaw tests benchmarks docs -name __pycache__ -prune -exec rm -rf {} +

$(ready): requirements.lock pyproject.toml .ci/make-venv
	@.ci/make-venv
