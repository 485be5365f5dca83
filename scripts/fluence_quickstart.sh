#!/bin/sh
# ROOK's quick start by its name: train on a machine from Fluence with the usual settings.
#   scripts/fluence_quickstart.sh MAX_USD [flags of rook-bench train that differ]
# The key to rent with is in FLUENCE_API_KEY. Nothing is rented that may cost more than MAX_USD in all.
set -eu
if [ $# -lt 1 ]; then
    echo "usage: $0 MAX_USD [flags of rook-bench train]" >&2
    exit 3
fi
most=$1
shift
exec rook-bench remote train --provider fluence --max-usd "$most" --max-hours "${MAX_HOURS:-4}" -- \
    --data-dir "${DATA_DIR:-data/processed}" --output-dir "${OUTPUT_DIR:-fluence_results}" \
    --epochs 3 --max-samples 1000 --model microsoft/DialoGPT-medium "$@"
