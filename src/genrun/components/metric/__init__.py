"""Distances between samples and held-out images, one a file."""
