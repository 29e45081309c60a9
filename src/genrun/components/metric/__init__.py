"""Metrics of samples, one per module; the contracts are in `core/protocols/metric.py`."""
