"""Blobs: contents of files, each under its SHA-256, in a folder or a bucket, and the parts in which they arrive.

The dashboard reads through ``store`` and imports nothing else of the collector.
"""

from runwell_collector.blobs.store import BlobStore, StoreError, StoreFullError, open_blob_store

__all__ = ["BlobStore", "StoreError", "StoreFullError", "open_blob_store"]
