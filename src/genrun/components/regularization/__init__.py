"""Regularizations, one a file.

Each implements at least one protocol of `genrun.core.protocols.regularization`. A field `networks`
names the networks it applies to; None stands for all that are trained.
"""
