"""The contract of each group of `conf/`: what a class that a choice names has to provide.

A choice is a frozen dataclass whose fields are the keys of its YAML file. It need not inherit
from anything: it has the methods and attributes of its group's protocol. Protocols marked
`runtime_checkable` are optional abilities that genrun detects by these methods and attributes.
"""
