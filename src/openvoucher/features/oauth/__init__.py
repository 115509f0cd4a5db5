"""OAuth 2.0 client credentials: bearers that live 15 minutes and are never worth more than their key.

A token is 256 random bits; only its SHA-256 is kept. It is looked up together with its key on
every call, so that blocking the key or revoking the token takes effect at once in every process.
"""
