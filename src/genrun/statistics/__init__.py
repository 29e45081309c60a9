"""Statistics of results: intervals, tests of pairs, profiles, tuning curves.

Pure functions of numbers, without runs; nothing else in genrun computes a quantile. Lower is
better throughout, and an infinite value is a failure. `make honesty` measures how often the
intervals cover and how often the tests err.
"""
