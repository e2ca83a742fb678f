"""What measures the package: benchmarks, and a load run while parts of a site fail."""
