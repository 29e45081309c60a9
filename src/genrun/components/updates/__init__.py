"""How players take turns, around any optimizer; one way a file (`genrun.core.protocols.updates`)."""
