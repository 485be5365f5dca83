#!/bin/sh
# ROOK's set-up of a Linux machine by its name: here, everything that training needs, from the locked requirements.
#   scripts/setup_linux_training.sh
# A machine that is trained on from elsewhere needs nothing of this: rook-bench remote train sets it up by itself.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "setup_linux_training.sh: Python 3.11 or newer is needed; set PYTHON to one" >&2
    exit 3
fi
make setup-train PYTHON="$python"
exec .venv/bin/rook-bench doctor machine
