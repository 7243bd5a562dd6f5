# What there is to do here; `make` alone lists it.
# Two commands are all that a fresh machine needs: make userdata CLUSTER=prod, and make test.

CLUSTER ?= prod
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TERRAFORM := terraform is missing: install 1.9 or newer from https://developer.hashicorp.com/terraform/install

.DEFAULT_GOAL := help
.PHONY: help userdata check test integration image lab e2e qemu bench assembly lint fix golden docs clean

help: ## List the targets
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

userdata: $(STAMP) ## Render clusters/$(CLUSTER).yaml into out/$(CLUSTER)
	@$(BIN)/nodeseed render clusters/$(CLUSTER).yaml --out out/$(CLUSTER)

check: $(STAMP) ## Check clusters/$(CLUSTER).yaml and write nothing
	@$(BIN)/nodeseed check clusters/$(CLUSTER).yaml

test: $(STAMP) ## Run the tests that need only Python
	$(BIN)/pytest -q -n auto

integration: $(STAMP) ## Run the tests against real programs (etcd, kubeadm, cloud-init, OpenSSL)
	tests/integration/install.sh
	$(BIN)/python -m nodeseed_lab.programs
	$(BIN)/pytest -q -n 3 --dist loadfile --no-loadscope-reorder \
		-o addopts="--strict-markers --import-mode=importlib" tests/integration

PLATFORM ?= docker
image: $(STAMP) ## Bake the lab's node image; PLATFORM=aws CLUSTER=prod: that cluster's, for that cloud
ifeq ($(PLATFORM),docker)
	@generator/nodeseed_lab/install.sh
	@$(BIN)/nodeseed-lab image
else
	@$(BIN)/nodeseed bake clusters/$(CLUSTER).yaml --platform $(PLATFORM)
endif

lab: CLUSTER := lab
lab: $(STAMP) ## Boot clusters/$(CLUSTER).yaml as containers on this machine (then: .venv/bin/nodeseed-lab)
	@generator/nodeseed_lab/install.sh
	@$(BIN)/nodeseed-lab up clusters/$(CLUSTER).yaml

e2e: $(STAMP) ## Run the tests against whole clusters of real machines
	generator/nodeseed_lab/install.sh gpg=gnupg dpkg-deb=dpkg
	$(BIN)/pytest -q -o addopts="--strict-markers --import-mode=importlib" tests/e2e

# By their names in an order in which both processors are done at about the same time.
qemu: $(STAMP) ## Run the tests on Debian's own kernel, in emulated machines
	generator/nodeseed_lab/qemu/install.sh
	$(BIN)/pytest -q -n 2 -o addopts="--strict-markers --import-mode=importlib" tests/qemu

bench: $(STAMP) ## Measure speed and size, as ratios
	$(BIN)/python -m benchmarks.render

assembly: $(STAMP) ## Time whole clusters against kubeadm one machine after another; draw docs/assembly.svg
	@generator/nodeseed_lab/install.sh
	$(BIN)/python -m benchmarks.assembly --draw

lint: $(STAMP) ## Check style and types; `make fix` mends what can be mended
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	git ls-files -z '*.sh' .ci/run packer/container/usr/local/sbin | xargs -0r $(BIN)/shellcheck
	@command -v terraform >/dev/null || { echo "$(TERRAFORM)"; exit 1; }
	terraform fmt -check -recursive terraform

fix: $(STAMP) ## Mend style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	@command -v terraform >/dev/null || { echo "$(TERRAFORM)"; exit 1; }
	terraform fmt -recursive terraform

golden: $(STAMP) ## Rewrite the golden clusters under tests/golden (then read the diff)
	NODESEED_UPDATE_GOLDEN=1 $(BIN)/pytest -q tests/test_golden.py

docs: $(STAMP) ## Rewrite the generated pages of docs/
	$(BIN)/python -m nodeseed.reference docs

clean: ## Remove the environment; never seeds, locks or output
	rm -rf $(VENV)

# The environment, exactly as requirements.lock says.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "nodeseed needs Python 3.11 or newer: make PYTHON=python3.12 …"; exit 1; }
	@echo "Setting up $(VENV) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
		|| { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install -q --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@
