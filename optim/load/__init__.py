"""Load: requests issued to a real server, and what became of each of them."""
