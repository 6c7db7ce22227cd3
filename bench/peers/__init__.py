"""Other tools that make models faster, held against this one: the same time, EvalSet and judge.

A peer is one file here with `ABOUT`, `REQUIREMENTS`, `choose(task)`, which runs in an environment
of its own without this program: it imports nothing but `bench.peers.task` and what it requires.
Whatever it offers before its time is up is its answer; it is timed and judged afterwards, here,
like every other's.
"""
