"""Projects (tenants) and their API keys.

Every object belongs to one project and every key to one project, so a key is all that says whose
data a call may touch. Secrets are kept as SHA-256 of 256 random bits: enough, since there is
nothing to guess, and cheap, since it is paid on every request.
"""
