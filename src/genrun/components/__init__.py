"""What is chosen on the command line: one package for each group of `conf/`.

A module without a leading underscore is the `_target_` of a file in `conf/GROUP`; a module with one is
a helper that several of them share. Components import `genrun.core` only, never each other's group."""
