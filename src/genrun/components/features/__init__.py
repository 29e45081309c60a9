"""Feature extractors, one per module; the contracts are in `core/protocols/metric.py`."""
