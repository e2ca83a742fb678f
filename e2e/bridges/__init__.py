"""Bridges to libraries whose providers are unlike those of `e2e/sites`."""
