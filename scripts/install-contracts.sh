#!/bin/sh
# The tests that compare the pool maths with the published contracts need those, and a node, from npm.
# Installs them into the folder given (no package's own scripts run); without npm those tests skip and say so.
set -u
source=$(dirname "$0")/../tests/evm
target=$1
if ! command -v npm >/dev/null 2>&1; then
    echo "npm is absent; the tests against the published contracts will skip." >&2
    exit 0
fi
mkdir -p "$target"
cp "$source/package.json" "$source/package-lock.json" "$target/"
if npm ci --prefix "$target" --ignore-scripts --no-audit --no-fund --silent; then
    # v4's artifacts come with audits, tests and libraries.
    (cd "$target/node_modules/@uniswap/v4-core" && rm -rf docs lib test)
    touch "$target/.installed"
    exit 0
fi
rm -rf "$target"
echo "npm could not install the contracts; the tests against them will skip." >&2
