# What `.ci/run` runs, in the same order.
ci: test fmt-check lint no-danger deny test-services

# The README's test command; needs no service. `just test-services` adds PostgreSQL, proxies and a browser.
test *args:
    cargo test --workspace --locked {{ args }}

fmt-check:
    cargo fmt --all --check

lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Licences, sources, and which crate may use which.
deny:
    # Of every platform, also those that are not built for here.
    cargo fetch --locked --quiet
    cargo deny --offline --all-features check licenses bans sources

# Generated files are compared by tests; this rewrites them. (A separate `cargo run -p` would build the WhatsApp crates
# again with other features.)
generate:
    UPDATE_GENERATED=1 cargo test --workspace --locked generated

# The tests that need a service, against servers on this machine; `tests/services` finds or starts them.
test-services:
    tests/services cargo test --workspace --locked -- --ignored --skip chaos_

# Bad nights, long ones: kills, storms, a backlog. Each prints what it saw. `CHAOS_SEED` brings a night back;
# `just chaos twenty_kills` has those alone whose name says so.
chaos which="":
    tests/services cargo test --release -p wharf-sandbox --locked --test e2e -- --ignored --nocapture --test-threads 1 chaos_of_{{ which }}

# The gateway with a simulated WhatsApp beside it.
sandbox *args:
    cargo run --release -p wharf-sandbox -- {{ args }}

# `just bench sessions 500`, `just bench messages 2000`, `just bench events`
bench *args:
    cargo build --release -p wharf-sandbox -p wharf-tests --locked
    tests/services target/release/wharf-bench {{ args }}

release: no-danger
    cargo build --release -p wharf --locked

# The simulator's features must never reach the gateway.
no-danger:
    #!/usr/bin/env bash
    set -euo pipefail
    features=$(cargo tree -p wharf -e features,normal --locked)
    # Where the features would show; without it this looks at the wrong thing.
    grep -q wacore-noise <<<"$features" || { echo "wacore-noise is not among the gateway's dependencies" >&2; exit 1; }
    if grep danger-skip <<<"$features" >&2; then
        echo "a feature of the simulator has reached the gateway" >&2
        exit 1
    fi
    echo "the gateway is free of the simulator's features"
