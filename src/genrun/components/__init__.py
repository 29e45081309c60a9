"""What can be chosen on the command line: one package for each group of `conf/`.

A module without a leading underscore is the `_target_` of a file in `conf/GROUP`; a module with
one is a helper. Components import `genrun.core` only, and no other group. The contract of each
group is in `genrun.core.protocols`.
"""
