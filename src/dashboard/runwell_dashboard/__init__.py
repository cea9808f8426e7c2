"""The HTTP read API and a plain table of runs, over the projector's views."""
