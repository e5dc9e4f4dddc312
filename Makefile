# The everyday tasks. `make help` lists them. Meson does the building; this file only knows which directories to use.

PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 30
BUILD_TYPE_FLAGS = --buildtype=release -Doptimization=2 -Db_lto=true

.DEFAULT_GOAL := help
.PHONY: help run build test check format fuzz bench install deb clean

help: ## list these tasks
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build, and resolve and serve the example zone on port 53 of this machine (or the first free port from 5300 on)
	@scripts/dependencies build
	@$(MAKE) --no-print-directory compile
	@exec scripts/run

build: ## build both programs, portoland and portolan, into build/
	@scripts/dependencies build
	@$(MAKE) --no-print-directory compile

# Builds without looking at packages, for those who cannot install any.
.PHONY: compile
compile:
	@CC=gcc TARGETS='src/daemon/portoland src/tools/portolan' scripts/build release $(BUILD_TYPE_FLAGS)
	@for program in portoland portolan; do \
	    install -m 755 build/release/bin/$$program build/$$program.new && mv build/$$program.new build/$$program || exit 1; \
	done

test: ## build every variant and run every test; the last line counts them
	@scripts/dependencies build test
	@scripts/test

check: ## only the checks of the source: layers, banned functions, headers, file length, formatting
	@scripts/check

format: ## format the source with clang-format
	@find src tests bench -name '*.[ch]' -print0 | xargs -0 -r clang-format -i

fuzz: ## run every fuzz target for FUZZ_SECONDS (30) each
	@scripts/dependencies build test
	@scripts/fuzz $(FUZZ_SECONDS)

bench: ## set Portolan beside other servers and resolvers, and write docs/benchmarks.md
	@scripts/dependencies build bench
	@$(MAKE) --no-print-directory compile
	@bench/bench.py

install: ## install the programs, manual pages and service unit below DESTDIR/PREFIX (/usr/local)
	@test -x build/portoland -a -x build/portolan || $(MAKE) --no-print-directory build
	@scripts/install "$(DESTDIR)" "$(PREFIX)"

deb: ## build a Debian package into build/
	@scripts/dependencies build
	@$(MAKE) --no-print-directory compile
	@packaging/deb

clean: ## remove all that was built, but the peers' unpacked packages
	@find build -mindepth 1 -maxdepth 1 ! -name peers -exec rm -rf {} + 2>/dev/null || true
