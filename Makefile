# Four commands; everything they need goes into .venv, and nothing is installed twice.
#   make run       start the demo on http://127.0.0.1:8000/  (another port: make run PORT=8001)
#   make test      every check and every test
#   make bench     measurements
#   make pictures  the pictures of the README, from the running demo

PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check install --quiet
UV_COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make requirements"

.PHONY: run test bench pictures requirements chromium

run: .venv/.ready
	@exec .venv/bin/assent demo $(if $(PORT),--port $(PORT))

test: .venv/.ready-for-tests chromium
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m pytest -n 3

bench: .venv/.ready-for-tests
	.venv/bin/python -m bench
	.venv/bin/python -m bench.webhooks

pictures: .venv/.ready-for-tests chromium
	.venv/bin/python -m tests.browser.pictures

# Pin anew what pyproject.toml asks for; the three files agree with each other.
requirements: .venv/.ready
	$(PIP) uv
	$(UV_COMPILE) --upgrade pyproject.toml -o requirements.txt
	$(UV_COMPILE) --upgrade pyproject.toml --extra test -c requirements.txt -o tests/requirements.txt
	echo hatchling | $(UV_COMPILE) --upgrade - -c tests/requirements.txt -o requirements-build.txt

.venv/.ready: requirements.txt requirements-build.txt pyproject.toml
	@echo "Preparing .venv"
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@$(PIP) --require-hashes -r requirements.txt -r requirements-build.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/.ready-for-tests: tests/requirements.txt .venv/.ready
	@echo "Preparing .venv for tests"
	@$(PIP) --require-hashes -r tests/requirements.txt
	@touch $@

chromium:
	@if ! test -x /usr/bin/chromium; then \
		if test "$$(id -u)" = 0; then \
			apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-core; \
		else \
			echo "Chromium is missing. As root: apt-get install chromium fonts-noto-core" >&2; exit 1; \
		fi; \
	fi
