"""Timing: slices in child processes, the statistics derived from them, when it is enough."""
