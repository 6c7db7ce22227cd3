"""The Serve page's parts."""
