"""Publications: codes handed to customers."""
