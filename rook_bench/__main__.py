"""`python -m rook_bench` is `rook-bench`."""

from rook_bench.cli.main import main

if __name__ == "__main__":
    main()
