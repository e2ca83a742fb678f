"""Receivers of signals, Django's and the package's own."""
