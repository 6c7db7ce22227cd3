"""This machine: what it is, and the lock that keeps it to one timing at a time."""
