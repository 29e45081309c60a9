"""Measuring time, memory, floating-point operations and energy."""
