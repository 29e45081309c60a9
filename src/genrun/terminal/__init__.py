"""Output to the terminal; only this package imports rich."""
