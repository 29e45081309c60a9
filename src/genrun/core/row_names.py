"""How the names in a row of the log are made, for those who read it without torch too."""

STANDARD_ERROR = "_standard_error"  # at the end: that of the held-out value before it
