"""The people of the benchmarks' site."""
