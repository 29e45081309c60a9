"""What keeps a model from over-fitting or a game from blowing up, one idea a file.

A class here has the methods of at least one protocol in `genrun.core.regularization_protocols`. An attribute
`networks` names the networks it acts on, None for all that are trained.
"""
