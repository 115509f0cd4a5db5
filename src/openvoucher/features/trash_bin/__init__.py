"""The bin: what was deleted without `force`. Its names and codes stay reserved until it is emptied.

Deleting a campaign makes one entry for the campaign and none for its vouchers. What removing an
entry means is the affair of the feature that owns the resource: it registers a remover.
"""
