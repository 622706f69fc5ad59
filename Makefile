# `make help` lists the targets. Everything needs Go and nothing else, but for
# `test`: it also runs the fault lab, which needs Linux and root.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
.NOTPARALLEL:

# The program is one static file; the version comes from the version control
# that Go finds (see `ftpdoctor --version`).
GOBUILD  = CGO_ENABLED=0 go build -trimpath -buildvcs=auto -ldflags '-s -w'
SYSTEMS  = linux/amd64 linux/arm64 windows/amd64 darwin/arm64 freebsd/amd64

TESTFLAGS ?=
FUZZTIME  ?= 60s
# Most scenarios wait for a time-out, so there are more of them than cores.
LABFLAGS  ?= --parallel 8
# A scenario of both sides starts a machine with an administrator's SSH server,
# which costs ten times as much as another: some in every test, all by LAB=all.
LAB       ?= auth client data dns file healthy http net route service ssh survey tls \
             host/healthy-vsftpd host/healthy-proftpd host/auth-shell host/auth-sftp-account host/source-blocked host/fail2ban host/certificate

LINTER = tools/bin/golangci-lint

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build ./ftpdoctor
	$(GOBUILD) -o ftpdoctor ./cmd/ftpdoctor

.PHONY: test
test: prepare vet lint unit stale lab ## everything: vet, lint, unit tests with the race detector, the fault lab

# What the tests need is installed where that is ours to do: as root, with apt,
# and only what is missing.
.PHONY: prepare
prepare:
	@missing=
	for c in ip nft iptables sftp ssh-audit curl lftp openssl dnsmasq tcpdump unshare python3; do
		command -v $$c >/dev/null || [ -x /usr/sbin/$$c ] || missing="$$missing $$c"
	done
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		if [ -n "$$missing" ]; then
			echo "installing what the fault lab needs (missing:$$missing)"
			sh internal/lab/install.sh
		fi
		if ! command -v gcc >/dev/null; then
			echo "installing gcc, which the race detector needs"
			DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev
		fi
	fi

.PHONY: vet
vet: ## go vet
	go vet ./...

.PHONY: lint
lint: $(LINTER) ## the linters of .golangci.yml
	$(LINTER) run ./...

.PHONY: format
format: $(LINTER) ## gofumpt
	$(LINTER) fmt ./...

# The linter is pinned in a module of its own and built from source.
$(LINTER): tools/golangci-lint/go.mod tools/golangci-lint/go.sum
	CGO_ENABLED=0 go -C tools/golangci-lint build -trimpath -o ../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	touch $@

.PHONY: unit
unit: ## unit and script tests, with the race detector where there is a C compiler
	race=
	if command -v gcc >/dev/null || command -v cc >/dev/null; then race=-race; fi
	CGO_ENABLED=$${race:+1} go test $$race $(TESTFLAGS) $$(go list ./... | grep -vE '/internal/(lab|transcript)$$')
	# Regular expressions are fifteen times slower with the race detector.
	CGO_ENABLED=$${race:+1} go test $$race -short $(TESTFLAGS) ./internal/transcript
	go test $(TESTFLAGS) ./internal/transcript

.PHONY: lab
lab: ## the fault lab: real servers, real faults; LAB="net/ data/" for some (Linux, root)
	@if [ "$$(uname -s)" != Linux ] || [ "$$(id -u)" != 0 ]; then
		echo "lab: not run, it needs Linux and root"
		exit 0
	fi
	set -x
	FIREWALL_CASES=20000 go test -run '^TestKernelAgrees' -v $(TESTFLAGS) ./internal/firewall
	go test -skip '^TestProofs' $(TESTFLAGS) ./internal/lab
	CGO_ENABLED=0 go run ./cmd/ftpdoctor lab run $(LABFLAGS) $(LAB)

.PHONY: proofs
proofs: ## are the lab's faults real, and shown by their proofs alone? (Linux, root)
	go test -run '^TestProofs' -timeout 60m $(TESTFLAGS) ./internal/lab
	FIX_KILLED=all go test -timeout 3h -v $(TESTFLAGS) ./internal/fix

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (60s), and new firewalls against the kernel
	FIREWALL_SEED=random FIREWALL_CASES=200000 go test -run '^TestKernelAgrees' -timeout 30m -v ./internal/firewall
	for p in $$(go list ./...); do
		for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do
			echo "$$p $$f"
			go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$p
		done
	done

.PHONY: bench
bench: ## the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: generate
generate: ## man pages, the reference of commands and the list of codes
	go generate ./...

# What is generated and committed must be what the source says today.
.PHONY: stale
stale:
	@dir=$$(mktemp -d)
	trap 'rm -rf "$$dir"' EXIT
	go run ./cmd/ftpdoctor reference "$$dir"
	for d in man reference; do
		diff -r "$$dir/$$d" "docs/$$d" || { echo "docs/$$d is stale: make generate"; exit 1; }
	done

.PHONY: cross
cross: ## does it build, tests and all, for every system?
	@for s in $(SYSTEMS); do
		echo "$$s"
		GOOS=$${s%/*} GOARCH=$${s#*/} CGO_ENABLED=0 go build ./...
		GOOS=$${s%/*} GOARCH=$${s#*/} CGO_ENABLED=0 go vet ./...
	done

.PHONY: clean
clean: ## remove what was built, but for the linter
	rm -rf ftpdoctor ftpdoctor.exe dist
