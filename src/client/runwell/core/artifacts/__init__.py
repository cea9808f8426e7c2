"""Artifacts: how they are named, what tells their contents apart, and what becomes of a project's versions and aliases."""
