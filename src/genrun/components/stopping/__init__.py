"""Stopping policies, one pure state machine a file (`genrun.core.protocols.stopping`)."""
