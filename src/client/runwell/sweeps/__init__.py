"""Sweeps: describing a search, and working on it. ``runwell.sweep`` and ``runwell.agent``."""

from runwell.sweeps.creation import sweep as sweep
from runwell.sweeps.functions import agent as agent
