"""Benchmarks: suites of data sets with known mutual information, and commands that run them."""
