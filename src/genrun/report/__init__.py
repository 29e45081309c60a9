"""`genrun report`: a comparison as one self-contained HTML file."""
