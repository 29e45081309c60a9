"""Arithmetic on results: intervals that cover, comparisons, profiles, tuning curves.

Lower is better throughout. Pure functions of numbers: nothing here knows of runs, and nothing
else in genrun knows a quantile.
"""
