"""Bodies of encoders and decoders, one family a file."""
