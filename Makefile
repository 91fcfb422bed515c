# SPDX-License-Identifier: Apache-2.0

.PHONY: build test unit race lint generate figures e2e e2e-long bench bench-vm demo setup clean

build: ; scripts/build
setup: ; scripts/setup test
test: ; scripts/test
lint: ; scripts/lint
unit: ; scripts/test unit
race: ; scripts/test race
e2e: ; scripts/test e2e
e2e-long: ; scripts/test e2e-long
generate: ; scripts/generate
figures: ; @CGO_ENABLED=0 go run -trimpath ./tools/figures
demo: ; scripts/demo
bench: build ; CGO_ENABLED=0 go run ./test/bench -rdd bin/rdd
bench-vm: build ; bin/rdd image build && CGO_ENABLED=0 go run ./test/bench -rdd bin/rdd -vm
clean: ; rm -rf bin
