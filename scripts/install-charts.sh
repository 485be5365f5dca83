#!/bin/sh
# The live chart of reports is drawn by a library that npm fetches by its hash. Without npm, reports have pictures only.
set -u
cd "$(dirname "$0")/../rook_bench/report/web" || exit 1
[ -f node_modules/uplot/dist/uPlot.iife.min.js ] && [ node_modules -nt package-lock.json ] && exit 0
if command -v npm >/dev/null 2>&1; then
    npm ci --ignore-scripts --no-audit --no-fund --silent >/dev/null 2>&1 && touch node_modules && exit 0
fi
echo "npm, or what it would fetch, is not there: reports will have pictures and no live chart." >&2
