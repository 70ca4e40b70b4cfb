# What a person runs; what CI runs is .ci/run. Needs a Rust toolchain, git and a C compiler (SQLite is built from source).
.DEFAULT_GOAL := help
.PHONY: help demo test check bench fmt clean

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

demo: ## build and run the demo: one commit on its way from test to prod
	@tools/need cargo git cc
	cargo build --release
	target/release/ferry demo

test: ## every test; with Go also those that need the real kubectl, helm, kustomize, git-lfs and a registry
	@tools/need cargo git cc
	@tools/install
	cargo test --workspace

check: ## formatting, lints, the house's own checks, dependencies
	@tools/need cargo git cc
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo xtask tidy
	@tools/deny

bench: ## measure: NAME VALUE UNIT lines, and target/bench.json
	@tools/need cargo git cc
	cargo build --release -p ferry-app -p ferry-bench
	target/release/ferry-bench

fmt: ## format the code
	cargo fmt --all

clean: ## remove everything that was built
	cargo clean
