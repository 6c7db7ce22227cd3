"""What the server answers besides the pages, under which addresses, and to whom."""
