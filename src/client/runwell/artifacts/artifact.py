"""``runwell.Artifact``: a set of files with a name, a type and versions."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from runwell.artifacts.download import Downloader, verify_folder
from runwell.artifacts.draft import Draft, files_below
from runwell.artifacts.entries import ArtifactManifestEntry
from runwell.artifacts.errors import ArtifactFinalizedError, ArtifactNotLoggedError
from runwell.artifacts.facts import ArtifactFacts, LoggedAs
from runwell.artifacts.metadata import plain_metadata
from runwell.artifacts.references import OBJECTS_MAX, reference_entries
from runwell.artifacts.roots import current_root, download_folder
from runwell.artifacts.server import ArtifactServer
from runwell.core.artifacts import naming
from runwell.core.artifacts.manifest import read_manifest
from runwell.core.artifacts.naming import Place


class Artifact(ArtifactFacts):
    """Files, by path, with a name, a type and metadata. Give it to ``run.log_artifact``; then it becomes a version.

    ``name`` has letters, digits, dashes, underscores and dots. ``metadata`` is JSON of at most 100 keys. Raises ValueError
    for what cannot be.
    """

    def __init__(
        self,
        name: str,
        type: str,  # noqa: A002 - wandb's name
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
    ) -> None:
        for problem in (naming.name_problem(name), naming.type_problem(type, name)):
            if problem:
                raise ValueError(problem)
        self._name, self._type = name, type
        self._description = description or ""
        self._metadata = plain_metadata(metadata)
        self._aliases: list[str] = []
        self._tags: list[str] = []
        self._ttl_s = 0.0
        self._draft: Draft | None = Draft(current_root())
        self._base: Artifact | None = None
        self._logged: LoggedAs | None = None
        self._view: dict[str, Any] | None = None
        self._entries: dict[str, ArtifactManifestEntry] | None = None
        self._server: ArtifactServer | None = None
        self._root = current_root()
        self.incremental = incremental

    @classmethod
    def of_view(cls, view: Mapping[str, Any], base_url: str | None, root: Path) -> "Artifact":
        """The version that a server tells of."""
        artifact = cls.__new__(cls)
        artifact._name, artifact._type = str(view["name"]), str(view["type"])
        artifact._draft = artifact._base = artifact._entries = artifact._server = None
        artifact._root = root
        artifact._logged = LoggedAs("", str(view["entity"]), str(view["project"]), base_url, offline=False)
        artifact.incremental = False
        artifact._take(view)
        return artifact

    def _take(self, view: Mapping[str, Any]) -> None:
        self._view = dict(view)
        self._description = view.get("description") or ""
        self._metadata = dict(view.get("metadata") or {})
        self._aliases, self._tags = list(view.get("aliases") or []), list(view.get("tags") or [])
        self._ttl_s = view.get("ttl_s") or 0.0

    # ---- Making it

    def add_file(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        is_tmp: bool | None = False,
        skip_cache: bool | None = False,
        policy: str | None = "mutable",
        overwrite: bool = False,
    ) -> ArtifactManifestEntry:
        """Adds a file, by ``name`` or its own. It is copied now, unless ``policy="immutable"`` says that it will not change.

        Raises ValueError for a path that was added with another content, UsageError for a file that cannot be read.
        """
        path = os.fspath(local_path)
        if not os.path.isfile(path):
            raise ValueError(f"Path is not a file: {path!r}")
        target = name or os.path.basename(path)
        return self._writable("add_file").add_files(
            [(path, target)], immutable=_immutable(policy), overwrite=overwrite
        )[0]

    def add_dir(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        skip_cache: bool | None = False,
        policy: str | None = "mutable",
        merge: bool = False,
    ) -> None:
        """Adds all files below a directory, below ``name`` if given. Files that are unchanged since they were read are not read."""
        path = os.fspath(local_path)
        if not os.path.isdir(path):
            raise ValueError(f"Path is not a directory: {path!r}")
        draft = self._writable("add_dir")
        draft.add_files(files_below(path, name), immutable=_immutable(policy), overwrite=merge)

    def add_reference(
        self,
        uri: "str | ArtifactManifestEntry",
        name: str | None = None,
        checksum: bool = True,
        max_objects: int | None = None,
    ) -> list[ArtifactManifestEntry]:
        """Names a file elsewhere without copying it: s3, gs, http, https, file and other URIs, or a file of another artifact."""
        draft = self._writable("add_reference")
        if isinstance(uri, ArtifactManifestEntry):
            if not uri.is_known:
                raise ValueError(f"{uri.path} is part of an artifact that was not logged: log that first, and wait()")
            return [draft.add_entry(uri.entry._replace(path=name or uri.path))]
        entries = reference_entries(str(uri), name, checksum=checksum, objects_max=max_objects or OBJECTS_MAX)
        return [draft.add_entry(entry) for entry in entries]

    def add(self, obj: Any, name: str, overwrite: bool = False) -> ArtifactManifestEntry:
        """Adds a Table, an Image or another medium under ``name``; ``get(name)`` gives it back. Raises ValueError for others."""
        from runwell.artifacts.objects import object_files

        draft = self._writable("add")
        (path, form), *contents = object_files(obj, name)
        for other, content in contents:
            draft.add_bytes(content, other, overwrite=True)
        return draft.add_bytes(form, path, overwrite=overwrite)

    def __setitem__(self, name: str, obj: Any) -> None:
        self.add(obj, name)

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    @contextlib.contextmanager
    def new_file(self, name: str, mode: str = "x", encoding: str | None = None) -> Iterator[IO[Any]]:
        """A file to write, which is added when the block ends without an exception."""
        draft = self._writable("new_file")
        overwrite = "x" not in mode
        if name in draft.entries and not overwrite:
            raise ValueError(f"File with name {name!r} already exists")
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "file")
            with open(path, mode.replace("x", "w"), encoding=encoding or (None if "b" in mode else "utf-8")) as file:
                yield file
            draft.add_files([(path, name)], immutable=False, overwrite=overwrite)

    def remove(self, item: "str | os.PathLike[str] | ArtifactManifestEntry") -> None:
        """Takes a file out, or a directory. Raises FileNotFoundError."""
        path = item.path if isinstance(item, ArtifactManifestEntry) else os.fspath(item)
        self._writable("remove").remove(path)

    def new_draft(self) -> "Artifact":
        """A draft with the files of this version: only what is changed in it will be sent."""
        self._committed("new_draft")
        draft = Artifact(self._name, self._type, self._description, self._metadata, incremental=True)
        draft._base = self
        for entry in self._known_entries().values():
            draft._writable("new_draft").add_entry(entry.entry)
        return draft

    def finalize(self) -> None:
        """Nothing more will be added: ``log_artifact`` does that."""

    # ---- Using it

    def wait(self, timeout: float | None = None) -> "Artifact":
        """Returns when it has its version. Raises ArtifactNotLoggedError, TimeoutError, and UsageError when it was refused."""
        if self._view is None:
            logged = self._as_logged("wait")
            if logged.offline:
                raise ArtifactNotLoggedError(f"{self._name} was logged offline: it gets its version by `runwell sync`")
            self._take(self._asked().committed(logged.entity, logged.project, logged.id, timeout))
        return self

    def download(
        self,
        root: str | os.PathLike[str] | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,
        path_prefix: str | os.PathLike[str] | None = None,
        multipart: bool | None = None,
    ) -> str:
        """Fetches its files, several at a time, each verified, and returns their folder. What is there already stays.

        ``root``: the folder, by default ``artifacts/NAME:VERSION`` here, or under ``RUNWELL_ARTIFACT_DIR``. ``path_prefix``: only
        what begins so. Interrupted, it goes on where it was. Raises Error.
        """
        view = self._committed("download")
        folder = os.fspath(root) if root is not None else download_folder(self._name, view["version"])
        prefix = os.fspath(path_prefix) if path_prefix is not None else ""
        entries = [entry.entry for entry in self._known_entries().values() if entry.path.startswith(prefix)]
        Downloader(self._as_logged("download").base_url, self._root).fetch(
            entries,
            folder,
            skip_cache=bool(skip_cache),
            allow_missing_references=allow_missing_references,
            what=self.name,
        )
        return folder

    def checkout(self, root: str | os.PathLike[str] | None = None) -> str:
        """Fetches its files and removes others from the folder."""
        folder = os.fspath(root) if root is not None else download_folder(self._name, self.version)
        known = {os.path.join(folder, *path.split("/")) for path in self._known_entries()}
        for path, _ in files_below(folder, None) if os.path.isdir(folder) else ():
            if path not in known:
                os.unlink(path)
        return self.download(folder)

    def verify(self, root: str | os.PathLike[str] | None = None) -> None:
        """Raises DamagedError unless the folder has just the files of this artifact, each with its content."""
        view = self._committed("verify")
        folder = os.fspath(root) if root is not None else download_folder(self._name, view["version"])
        verify_folder([entry.entry for entry in self._known_entries().values()], folder)

    def file(self, root: str | os.PathLike[str] | None = None) -> str:
        """Fetches its only file and returns where it is. Raises ValueError when it has several."""
        paths = list(self._known_entries())
        if len(paths) != 1:
            raise ValueError(f"{self._name} has {len(paths)} files: use download() or files()")
        return os.path.join(self.download(root), *paths[0].split("/"))

    def files(self, names: Sequence[str] | None = None, per_page: int = 50) -> list[ArtifactManifestEntry]:
        """Its files, or those of these names."""
        entries = self._known_entries()
        return list(entries.values()) if names is None else [entries[name] for name in names if name in entries]

    def get_entry(self, name: str | os.PathLike[str]) -> ArtifactManifestEntry:
        """A file by its path. Raises KeyError."""
        path = os.fspath(name)
        entries = self._known_entries()
        if path not in entries:
            raise KeyError(f"Path not contained in artifact: {path}")
        return entries[path]

    def get_path(self, name: str | os.PathLike[str]) -> ArtifactManifestEntry:
        """``get_entry`` under its old name."""
        return self.get_entry(name)

    def get(self, name: str) -> Any:
        """The Table or Image that was added under ``name``, of other media the JSON form; None when there is none."""
        from runwell.artifacts.objects import read_object

        self._committed("get")
        return read_object(self, name)

    def get_added_local_path_name(self, local_path: str | os.PathLike[str]) -> str | None:
        """The path under which a local file was added; None when it was not."""
        wanted = os.path.abspath(local_path)
        found = (entry.path for entry in self._known_entries().values() if entry.local_path == wanted)
        return next(found, None)

    def logged_by(self) -> Any:
        """The run that logged it; None for one that no run did."""
        from runwell._api import Api

        run = self._committed("logged_by")["run"]
        return Api(self._as_logged("logged_by").base_url).run("/".join(run.values())) if run else None

    def used_by(self) -> list[Any]:
        """The runs that used it."""
        from runwell._api import Api

        view = self._asked().version(self._place(), self.version)
        api = Api(self._as_logged("used_by").base_url)
        return [api.run("/".join(run.values())) for run in view["used_by"]]

    # ---- Changing it

    def save(self) -> None:
        """Makes changes of description, metadata, aliases, tags and ttl last. Raises Error."""
        view = self._committed("save")
        before, after = set(view["aliases"]), set(self._aliases)
        changes: dict[str, Any] = {
            "description": self._description,
            "metadata": plain_metadata(self._metadata),
            "tags": self._tags,
            "ttl_s": self._ttl_s or None,
            "aliases_added": sorted(after - before),
            "aliases_removed": sorted(before - after),
        }
        self._take(self._asked().edit(self._place(), self.version, changes))

    def link(self, target_path: str, aliases: Sequence[str] | None = None) -> "Artifact":
        """Makes it a version of the collection ``[ENTITY/]PROJECT/NAME`` too, such as one of a registry; returns that version."""
        target = link_target(target_path, self.entity, self.project)
        logged = self.wait()._as_logged("link")
        view = self._asked().link(self._place(), self.version, target, list(aliases or []))
        return Artifact.of_view(view, logged.base_url, self._root)

    def unlink(self) -> None:
        """Takes a link out of its collection; what it leads to stays. Raises ValueError for what is no link."""
        if not self.is_link:
            raise ValueError(f"{self.name} is no link: use delete()")
        self.delete(delete_aliases=True)

    def delete(self, delete_aliases: bool = False) -> None:
        """Takes the version away; its number is not used again. One with aliases only with ``delete_aliases``."""
        self._asked().delete(self._place(), self.version, delete_aliases=delete_aliases)
        if self._view is not None:
            self._view["deleted"] = True

    # ---- Inside

    def _writable(self, what: str) -> Draft:
        if self._draft is None or self._logged is not None:
            raise ArtifactFinalizedError(
                f"'{what}' called on {self._name}, which was logged: make a new_draft() of it, or another artifact"
            )
        return self._draft

    def _place(self) -> Place:
        return Place(self.entity, self.project, self._name)

    def _asked(self) -> ArtifactServer:
        if self._server is None:
            self._server = ArtifactServer(self._as_logged("server").base_url)
        return self._server

    def _known_entries(self) -> dict[str, ArtifactManifestEntry]:
        if self._draft is not None:
            return dict(sorted(self._draft.entries.items()))
        if self._entries is None:
            view = self._committed("files")
            downloader = Downloader(self._as_logged("files").base_url, self._root)
            manifest = downloader.content(view["manifest"], view["manifest_bytes"])
            entries = read_manifest(manifest.read_bytes())
            self._entries = {path: ArtifactManifestEntry(entry, owner=self) for path, entry in sorted(entries.items())}
        return self._entries

    def __repr__(self) -> str:
        return f"<Artifact {self._name if self._logged is None else self.qualified_name}>"


def link_target(path: str, entity: str, project: str) -> Place:
    """The collection that a link goes to. Raises ValueError."""
    own_entity, own_project, name, _ = naming.split_name(path)
    return Place(own_entity or entity, own_project or project, name)


def _immutable(policy: str | None) -> bool:
    if policy not in (None, "mutable", "immutable"):
        raise ValueError(f'Invalid policy {policy!r}. Policy may only be "mutable" or "immutable".')
    return policy == "immutable"
