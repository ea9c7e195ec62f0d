"""The lists of a day by a plain computation, written from docs/lists.md and docs/protocol.md.

Nothing here imports a formula, a rule or a definition of the package: it is what the package is compared with.
"""
