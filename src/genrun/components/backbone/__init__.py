"""Architectures of networks, one per module; the contract is `core/protocols/backbone.py`."""
