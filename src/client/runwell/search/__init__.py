"""Bayesian search: what a sweep tries next, from what its trials came to. Needs numpy, which the extra `sweeps` installs."""

from runwell.search.bayes import suggest as suggest
