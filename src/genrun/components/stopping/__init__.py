"""When to stop: pure state machines, one policy a file."""
