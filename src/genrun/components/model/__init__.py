"""What is learned: each file one family, which owns its losses and its sampling."""
