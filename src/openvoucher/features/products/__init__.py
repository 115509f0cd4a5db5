"""Products and their SKUs: the catalogue that orders, units and collections refer to.

A source id, the caller's own name for an object, names one product (or one SKU) of a project; the index
decides, so that of two who create it at once one creates and the other updates. What lies in the bin
keeps its source id.

Every project has the product `prod_5h1pp1ng` from its beginning: what shipping costs is its price. It can
be changed and not be deleted, and stands in no list.
"""
