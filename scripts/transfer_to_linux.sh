#!/bin/sh
# ROOK's transfer to a Linux machine by its name: send what training needs, train there, fetch the adapter.
#   scripts/transfer_to_linux.sh USER@BOX [flags of rook-bench train]
# The same command again goes on where the last one stopped.
set -eu
if [ $# -lt 2 ]; then
    echo "usage: $0 USER@BOX flags of rook-bench train" >&2
    exit 3
fi
box=$1
shift
exec rook-bench remote train --host "$box" -- "$@"
