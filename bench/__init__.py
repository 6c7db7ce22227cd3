"""Evidence that the numbers are true."""
