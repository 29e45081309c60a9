"""How the names in a row of the log are made, for those who read it without torch too."""

LOW, HIGH = "_low", "_high"  # at the end: the bounds of the 95 % interval of the value before it
