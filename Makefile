# Everything that a command needs goes into .venv; nothing is installed twice. "make help" lists the commands.

PYTHON ?= python3
# Not compiled: half of what the packages bring is never imported, and the rest is compiled when it is.
PIP := .venv/bin/python -m pip --disable-pip-version-check install --quiet --no-compile
UV_COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make requirements"

LINT := .venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/lint-imports

# Compiled files are kept: without them each test process and each command of a test compiles the program again.
unexport PYTHONDONTWRITEBYTECODE
# Installing, downloading Chromium, checking types and compiling tests use one core each.
MAKEFLAGS += --jobs=2

.DEFAULT_GOAL := help
.PHONY: help run check test fix bench pictures translations licences requirements lint chromium kannel

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/.ready ## Start the demo on http://127.0.0.1:8000/ (another port: make run PORT=8001)
	@exec .venv/bin/assent demo $(if $(PORT),--port $(PORT))

check: kannel .venv/.compiled ## Run every check and every test except the browser's
check: pytest_options := -m "not browser"

test: chromium kannel .venv/.compiled ## Run every check and every test

# Linters run beside the tests. What they say is printed last, where it is seen, and fails the command as a failed test does.
check test:
	@{ $(LINT); } > .venv/lint.log 2>&1 & lint=$$!; \
	.venv/bin/python -m pytest -n 3 --dist worksteal $(pytest_options); tests=$$?; \
	wait $$lint; linted=$$?; cat .venv/lint.log; exit $$((tests || linted))

fix: .venv/.ready-for-tests ## Format the code and repair what ruff can repair
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: .venv/.ready-for-tests ## Measure speed
	.venv/bin/python -m bench
	.venv/bin/python -m bench.webhooks

pictures: .venv/.ready-for-tests chromium ## Take the README's pictures from the running demo
	.venv/bin/python -m tests.browser.pictures

translations: .venv/.ready-for-tests ## Add new sentences to the catalogs and compile them
	.venv/bin/python -m tests.catalogs

licences: .venv/.ready-for-tests ## Write docs/licences.md and docs/sbom.json
	.venv/bin/python -m tests.licences

requirements: .venv/.ready ## Pin the newest versions that pyproject.toml allows
	$(PIP) uv
	$(UV_COMPILE) --upgrade pyproject.toml -o requirements.txt
	$(UV_COMPILE) --upgrade pyproject.toml --extra test -c requirements.txt -o tests/requirements.txt
	echo hatchling | $(UV_COMPILE) - -c tests/requirements.txt -o .ci/requirements-build.txt

lint: .venv/.ready-for-tests
	$(LINT)

.venv/.ready: requirements.txt .ci/requirements-build.txt pyproject.toml
	@echo "Preparing .venv"
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@$(PIP) --require-hashes -r requirements.txt -r .ci/requirements-build.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/.ready-for-tests: tests/requirements.txt .venv/.ready
	@echo "Preparing .venv for tests"
	@$(PIP) --require-hashes -r tests/requirements.txt
	@touch $@

# Once for all test processes, each of which would compile everything. What cannot be collected is reported by the tests.
.venv/.compiled: .venv/.ready-for-tests
	@.venv/bin/python -m pytest --collect-only -qq > /dev/null || true
	@touch $@

chromium:
	@if ! test -x /usr/bin/chromium || ! test -x /usr/bin/chromium-headless-shell; then \
		if test "$$(id -u)" = 0; then \
			apt-get update -qq; \
			apt-get install -y -qq --no-install-recommends chromium chromium-headless-shell fonts-noto-core \
				|| test -x /usr/bin/chromium; \
		elif ! test -x /usr/bin/chromium; then \
			echo "Chromium is missing. As root: apt-get install chromium fonts-noto-core" >&2; exit 1; \
		fi; \
	fi

# After Chromium, because apt-get does not run twice at the same time.
kannel: | $(if $(filter test,$(MAKECMDGOALS)),chromium)
	@if ! test -x /usr/sbin/bearerbox || ! test -x /usr/sbin/smsbox; then \
		if test "$$(id -u)" = 0; then \
			apt-get update -qq; \
			apt-get install -y -qq --no-install-recommends kannel; \
		else \
			echo "Kannel is missing. As root: apt-get install kannel" >&2; exit 1; \
		fi; \
	fi
