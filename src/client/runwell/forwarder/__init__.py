"""Carries what spools hold to a collector: ``runwell sync``, in the foreground or detached beside a training process.

``spools`` and ``reader`` find and read spools, ``cutter`` makes batches of records, ``session`` and ``courier`` are the
state machines of a stream and of one writer on it, ``delivery`` runs them on gRPC. ``spawn`` and ``presence`` are what a
training process uses: the standard library only.
"""
