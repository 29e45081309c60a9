"""One experiment: built from a configuration, trained, resumed, described."""
