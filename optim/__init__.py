"""Inference Optimization Explorer: measure, judge, compare and explain ways to make a model fast."""

__version__ = "0.1.0"
