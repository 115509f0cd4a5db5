"""How fast bulk work is, as ratios to what the database can do at all. `make bench`; docs/benchmarks.md.

Each subject starts a server of its own (`openvoucher serve`, embedded PostgreSQL, default settings), talks to
it over HTTP, and checks what came of it: a figure whose rows cannot be counted does not count.
"""
