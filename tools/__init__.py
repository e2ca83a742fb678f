"""Tools that measure the package: benchmarks, load with faults, and statement deletion."""
