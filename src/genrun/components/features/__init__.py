"""What images are compared in, one extractor a file."""
