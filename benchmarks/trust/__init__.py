"""Suites on uncertainty and tests: level, power, intervals, consistency, domain."""
