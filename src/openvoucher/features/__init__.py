"""One package for each resource of the API, the same file names in each.

routes (rows of the table of operations), schemas (the wire), service (use cases), store (SQL),
jobs (background work). Features meet only through the other's service and schemas, in one
direction; the order stands in pyproject.toml.
"""
