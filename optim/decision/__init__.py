"""The decision in money: what settings earn, quality and latency joined in one number."""
