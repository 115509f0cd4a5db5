"""What the commands share that speak to a running server by its API: this one's, or the original's."""
