"""Judging quality: answers compared with the original's, a paired test, the verdict in words."""
