"""Property-based tests and fuzzing: properties that must hold for any input."""
