"""Wishes that wait for contents: an artifact gets its version once every file of it is stored."""

from collections.abc import Iterable, Sequence

from runwell.core.artifacts.manifest import read_manifest
from runwell.core.blobs import Blob, is_sha256
from runwell_collector.blobs.index import BlobIndex
from runwell_collector.blobs.store import BlobStore
from runwell_collector.catalogue.notes import Wish, WishKey


class WaitingWishes:
    """``arrived`` says what was stored; ``ready`` gives the wishes of which everything is."""

    def __init__(self, store: BlobStore, index: BlobIndex) -> None:
        self._store = store
        self._index = index
        self._missing: dict[WishKey, set[bytes]] = {}
        self._by_digest: dict[bytes, set[WishKey]] = {}
        self._manifests: dict[WishKey, str] = {}
        """Of wishes whose manifest was not read yet."""

    def add(self, wish: Wish) -> None:
        """Waits for an artifact's manifest, which then says for what else."""
        files = wish.event.artifact_logged.files
        manifest = files[0].sha256 if files else ""
        if is_sha256(manifest):
            self._manifests[wish.key] = manifest
            self._await(wish.key, [manifest])

    def arrived(self, blobs: Iterable[Blob]) -> bool:
        """Whether any wish has nothing left to wait for because of these."""
        over = False
        for blob in blobs:
            for key in self._by_digest.pop(bytes.fromhex(blob.sha256), ()):
                self._missing[key].discard(bytes.fromhex(blob.sha256))
                over = over or not self._missing[key]
        return over

    async def is_ready(self, wish: Wish) -> bool:
        """Whether every content is stored. Raises ManifestError, and StoreError when the store does not answer."""
        if self._missing.get(wish.key):
            return False
        manifest = self._manifests.get(wish.key)
        if manifest is not None:
            entries = read_manifest(await self._store.read(manifest))
            del self._manifests[wish.key]
            self._await(wish.key, [entry.sha256 for entry in entries.values() if entry.is_stored])
        return not self._missing.get(wish.key)

    def forget(self, key: WishKey) -> None:
        """It is decided."""
        for digest in self._missing.pop(key, ()):
            self._by_digest.get(digest, set()).discard(key)
        self._manifests.pop(key, None)

    def _await(self, key: WishKey, digests: Sequence[str]) -> None:
        wanted = {bytes.fromhex(digest) for digest in digests}
        missing = wanted - self._index.known(list(wanted))
        self._missing[key] = missing
        for digest in missing:
            self._by_digest.setdefault(digest, set()).add(key)
