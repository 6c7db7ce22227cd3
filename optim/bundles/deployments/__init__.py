"""Where a bundle can be deployed: one file each, whose `DEPLOYMENT` says what it writes."""
