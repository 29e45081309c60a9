"""Generative models, one family a file: its networks, losses, evaluation and sampling."""
