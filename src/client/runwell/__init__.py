"""Runwell, an experiment tracker: every run is a stream of events, kept."""

__version__ = "0.1.0"
