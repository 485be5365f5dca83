#!/bin/sh
# The live chart of reports is drawn by a library that npm fetches by its hash. Without npm, reports have pictures only.
set -u
cd "$(dirname "$0")/../rook_bench/report/web" || exit 1
fetched=node_modules/.package-lock.json  # npm writes it last, so it says for which lock the folder stands
[ -f $fetched ] && [ -f node_modules/uplot/dist/uPlot.iife.min.js ] && [ -z "$(find package-lock.json -newer $fetched)" ] && exit 0
if command -v npm >/dev/null 2>&1; then
    npm ci --ignore-scripts --no-audit --no-fund --silent >/dev/null 2>&1 && touch $fetched && exit 0
fi
echo "npm, or what it would fetch, is not there: reports will have pictures and no live chart." >&2
