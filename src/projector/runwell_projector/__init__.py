"""Runwell: see docs/architecture.md."""
