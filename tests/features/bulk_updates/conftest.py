"""The tests of a module share a database."""

from shared_database import database_url, project

__all__ = ["database_url", "project"]
