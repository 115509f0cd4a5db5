"""Tests that do not share a project have one of their own, in the database of their module."""

from shared_database import database_url, project

__all__ = ["database_url", "project"]
