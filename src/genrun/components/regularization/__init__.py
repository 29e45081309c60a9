"""What keeps a model from over-fitting or a game from blowing up, one idea a file.

A class here has the methods of at least one of `core/regularization_protocols.py`. An attribute
`networks` names the networks it acts on, None for all that are trained.
"""
