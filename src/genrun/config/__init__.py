"""From words and YAML to a checked configuration, without torch."""
