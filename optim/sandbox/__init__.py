"""Work in child processes with limits: what is heavy, or parses what a stranger made."""

from optim.sandbox.calling import Function, Limits, Named, call, module_of, wait_until_warm, warm

__all__ = ["Function", "Limits", "Named", "call", "module_of", "wait_until_warm", "warm"]
