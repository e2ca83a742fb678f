"""Tests with real identity providers, browsers, servers, other projects' tests, and the wheel."""
