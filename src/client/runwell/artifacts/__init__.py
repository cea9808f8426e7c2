"""Artifacts in a training process: making, logging, finding and downloading them. The standard library only."""
