"""What runs on the box: takes a package, makes it ready, trains, and can be asked how it goes.

It is sent there as one file (`rook_bench.remote.box`), and needs Python and a shell: no package, no init system, no
terminal. It imports nothing of ROOK Bench, and its syntax is that of Python 3.8, so that an old box can say that it is.
"""
