"""Runtimes: inference engines, one file each. See `base.Runtime`."""
