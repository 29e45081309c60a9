"""What is chosen on the command line: one package for each group of `conf/`.

A module without a leading underscore has a class that is the `_target_` of a file in
`conf/GROUP`; a module with one is a helper of several of them. Components import `genrun.core`
only, and no other group.
"""
