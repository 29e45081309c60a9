"""`genrun prove`: tune all contestants equally, re-run the winners, then test them."""
