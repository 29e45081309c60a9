"""Where images come from, one source a file. Each returns an `ImageSet`."""
