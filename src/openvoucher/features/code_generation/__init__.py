"""Generation of codes for a campaign: drawn at random, unique in the project, as many as asked for.

A pattern whose space is too small is refused before anything is written. The job's position is
the number of codes made; it moves in the transaction that inserts them, so a killed worker makes
none twice and none too many.
"""
