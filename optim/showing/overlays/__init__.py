"""Overlays: figures drawn on a graph's nodes, one file each. See `optim.showing.overlay`."""
