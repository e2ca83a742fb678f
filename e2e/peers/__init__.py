"""Other projects' own tests, unchanged, with this app installed."""
