"""Product collections: products and SKUs named one by one, or all those that a filter matches.

What was named keeps all its SKUs, those that come later, too, and cannot be deleted meanwhile. A filter
is applied when a collection is read: products and SKUs are matched each by their own data.

Every project has `pc_a11pr0dUc75`, which is everything. It can be neither changed nor deleted and stands in
no list.
"""
