"""Metadata schemas: what the metadata of one kind of object may hold.

A schema belongs to a kind of object (`related_object`: campaign, voucher …) or, under any other
name, to nested objects that definitions of the type `object` refer to. A project has at most one
schema of a name. A removed definition stays, marked as deleted: it counts as undefined, yet keeps
its type, so that the values which objects still carry fit should it come back. Deleting a schema
leaves the metadata of objects alone.
"""
