"""`genrun prove`: tune every contestant alike, re-run the winners on fresh seeds, then test."""
