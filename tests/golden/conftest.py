"""A run without a server, ended at the latest with its test."""

from tests.client.conftest import offline

__all__ = ["offline"]
