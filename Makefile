.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
DIST := dist
# Python compiles a module when it is first imported; most installed modules never are.
PIP_OPTIONS := --quiet --disable-pip-version-check --no-compile

.PHONY: help setup demo serve page test images test-images test-compose check check-program check-page check-tests fix bench chaos docs gallery screenshots up down lock \
    dashboards settings types licences dist sbom clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/installed ## create .venv and install nst into it

demo: .venv/installed ## paint a sample photo with the bundled weights
	$(BIN)/nst stylize data/content/cat.jpg data/style/impasto.jpg --preset fast -o demo.png

serve: .venv/installed page ## run the web page, the API and a worker on http://127.0.0.1:8000
	$(BIN)/nst serve --open

page: src/nst/api/page/index.html ## build the web page

src/nst/api/page/index.html: $(shell find frontend -type f -not -path '*/node_modules/*' 2>/dev/null)
	cd frontend && npm install --no-save --no-audit --no-fund --loglevel=error && npm run build

# Four processes with one thread each, because many tests wait for servers. Each file is run by one process,
# because its tests share fixtures. Python keeps compiled modules, whatever the environment says, because the
# tests start hundreds of processes.
test: ## install the test dependencies and run all tests but those of the images
	$(MAKE) --no-print-directory --jobs=2 .venv/installed-dev page
	$(MAKE) --no-print-directory check
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder

images: .venv/installed-dev ## build the images without Docker, with stand-ins for those of others; requires root
	tools/system-packages images
	PYTHONPATH=tests:tools $(BIN)/python -m compose.stack

# The containers have a network of their own, so that their ports are free whatever else runs.
test-images: images ## run the images without Docker and paint a photo; requires root
	unshare --net sh -c 'ip link set lo up && exec $(BIN)/pytest tests/images'

test-compose: images ## start compose.yaml without Docker and paint a photo with it; requires root
	$(BIN)/pytest tests/compose

check: .venv/installed-dev page ## run ruff, mypy, import-linter and zizmor; eslint, svelte-check and vitest for the page
	$(MAKE) --no-print-directory --jobs=2 check-program check-page check-tests

check-program:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/check-jsonschema --builtin-schema=vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema=vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --quiet .github

check-page:
	$(BIN)/python tools/page_types.py --check
	cd frontend && npm run --silent check

# Finds tests that cannot be imported, and compiles all modules once: the four processes of `make test` would
# each compile them at the same time.
check-tests:
	@mkdir -p build
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --collect-only -qq >build/tests.txt || (cat build/tests.txt; false)

fix: .venv/installed-dev ## format the code and apply ruff's fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/installed-dev ## measure against the naive reference loop, and the methods at equal content
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.frontier

chaos: .venv/installed-dev ## run hundreds of jobs while workers and servers are killed; takes a quarter of an hour
	$(BIN)/python tests/chaos/driver.py --jobs 300 --report benchmarks/results/chaos.json

docs: .venv/installed-dev ## build the documentation into build/site; broken links are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

gallery: .venv/installed-dev ## paint the contact sheet of the README
	$(BIN)/python tools/gallery.py

screenshots: .venv/installed-dev page ## take the screenshots of the page for docs/screenshots
	PYTHONPATH=tests $(BIN)/python tools/screenshots.py

up: .env ## start the whole service in containers, with the page on http://127.0.0.1:5173
	docker compose up --build --detach --wait

down: ## stop the containers; their data stay in volumes
	docker compose down

.env: # with random passwords
	$(PYTHON) tools/new_env.py

lock: .venv/installed-dev ## renew the locked requirements of the images
	$(BIN)/python tools/lock.py

dashboards: .venv/installed-dev ## write the Grafana dashboards
	$(BIN)/python tools/dashboards.py

settings: .venv/installed-dev ## write docs/settings.md from the program's settings
	$(BIN)/python tools/settings_page.py

types: .venv/installed-dev page ## write the page's types from the description of the API
	$(BIN)/python tools/page_types.py

licences: .venv/installed-dev ## list the licences of the images' packages
	$(BIN)/python tools/licences.py

# pip refuses a lock with hashes as a constraint, so the locked build backend is installed beforehand.
dist: .venv/installed-dev page ## build the wheel and the source distribution into dist/
	rm -rf build/backend
	$(BIN)/pip install $(PIP_OPTIONS) --require-hashes --target build/backend -r deploy/requirements/build.txt
	PYTHONPATH=$(CURDIR)/build/backend SOURCE_DATE_EPOCH=1767225600 $(BIN)/python -m build --no-isolation --outdir $(DIST)

sbom: .venv/installed-dev ## write the images' bills of materials (CycloneDX) into dist/
	mkdir -p dist
	$(BIN)/cyclonedx-py requirements deploy/requirements/api.txt -o dist/sbom-api.json
	$(BIN)/cyclonedx-py requirements deploy/requirements/worker.txt -o dist/sbom-worker.json
	$(BIN)/cyclonedx-py requirements deploy/requirements/worker-cuda.txt -o dist/sbom-worker-cuda.json

clean: ## remove .venv and the caches of the tools
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis

# The newest pip needs half the processor time of the pip that comes with Python 3.11.
.venv/installed: pyproject.toml constraints.txt
	PYTHON=$(PYTHON) tools/system-packages
	test -d .venv || $(PYTHON) -m venv --upgrade-deps .venv
	$(BIN)/pip install $(PIP_OPTIONS) -c constraints.txt -e '.[service]'
	@touch $@

.venv/installed-dev: .venv/installed
	PYTHON=$(PYTHON) tools/system-packages tests
	$(BIN)/pip install $(PIP_OPTIONS) -c constraints.txt -e '.[dev,tools]'
	@touch $@
