"""Undo: the codes of an import or a generation, taken back as far as nobody has used them."""
