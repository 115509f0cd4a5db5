"""Categories: names by which campaigns and vouchers are grouped, in an order that stacking follows.

A name is unique within its project, exactly as it is spelled, because bodies and CSV rows refer to
categories by name. Others keep only the id and look the rest up when they are read: a new name
shows at once everywhere, and what stood in a deleted category stands in none.
"""
