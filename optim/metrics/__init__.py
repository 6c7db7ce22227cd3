"""Metrics: how good outputs are, one file each. See `base.Metric`."""
