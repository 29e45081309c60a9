"""Sources of images and points, one per module; the contract is `core/protocols/data.py`."""
