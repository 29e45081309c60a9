"""The vocabulary every other package speaks: types, protocols, errors, keyed noise."""
