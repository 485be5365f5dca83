"""ROOK's deployment script by its name and flags: `rook-bench remote train --provider fluence`.

python scripts/fluence_deploy.py --ssh-key KEY.pub --ssh-private-key KEY --data-package PACKAGE --output-dir DIR

The package is what `rook-bench remote package` writes; the key to rent with is in FLUENCE_API_KEY. Unlike its namesake
it says what it may cost before it rents anything, and the machine ends when it does.
"""

import argparse
import sys
from pathlib import Path

from rook_bench.cli.main import main
from rook_bench.core import RookError
from rook_bench.remote.rent.keys import public_key


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description="Train on a machine from Fluence.")
    parser.add_argument("--ssh-key", type=Path, help="public key; its private key is --ssh-private-key")
    parser.add_argument("--ssh-private-key", type=Path, help="by default a key is made for this machine alone")
    parser.add_argument("--data-package", type=Path, required=True, help="what rook-bench remote package wrote")
    parser.add_argument("--output-dir", type=Path, required=True, help="the adapter's folder")
    parser.add_argument("--max-hours", default="24")
    parser.add_argument("--max-usd", help="what all of it may cost")
    return parser.parse_args()


def words(given: argparse.Namespace) -> list[str]:
    """The command behind it."""
    found = ["remote", "train", "--provider", "fluence", "--package", str(given.data_package)]
    found += ["--output-dir", str(given.output_dir), "--max-hours", given.max_hours]
    if given.max_usd is not None:
        found += ["--max-usd", given.max_usd]
    if given.ssh_private_key is not None:
        found += ["--identity", str(given.ssh_private_key)]
    return found


def check_keys(given: argparse.Namespace) -> None:
    """Say so where the two keys are no pair: a machine would be rented that lets nobody in."""
    if given.ssh_key is None:
        return
    if given.ssh_private_key is None:
        sys.exit("fluence_deploy.py: --ssh-key: which private key? give --ssh-private-key")
    for path in (given.ssh_key, given.ssh_private_key):
        if not path.is_file():
            sys.exit(f"fluence_deploy.py: {path}: no such file; check the path")
    try:
        theirs = public_key(given.ssh_private_key)
    except RookError as error:
        sys.exit(f"fluence_deploy.py: {error}")
    if given.ssh_key.read_text(encoding="utf-8", errors="replace").split()[:2] != theirs.split():
        sys.exit(f"fluence_deploy.py: {given.ssh_key}: not the public key of {given.ssh_private_key}")


if __name__ == "__main__":
    asked = arguments()
    check_keys(asked)
    main(words(asked))
