"""Measure, judge, compare and explain ways to make a trained model fast."""

__version__ = "0.1.0"
