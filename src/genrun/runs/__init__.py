"""The folder of a run, and every file that genrun writes."""
