"""ROOK's training script by its name and flags: `rook-bench train`.

python scripts/finr1_lora_train.py --data-dir DIR --output-dir DIR --epochs 3 --max-samples 1000 --model NAME
"""

import sys

from rook_bench.cli.main import main

main(["train", *sys.argv[1:]])
