"""Records that come in bulk (customers, products, SKUs, orders): taken in by portions, handed to a job.

This is the half that all of them share: a CSV file of any size in constant memory, or the items of a
body; portions that are committed as they come; rows with their numbers and lines; one outcome for
each. What a row means, and how it is stored, is the affair of the feature whose job reads them.
(Codes, which are sorted on the way in, have code_imports.)
"""
