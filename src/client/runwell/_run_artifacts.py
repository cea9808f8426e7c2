"""What a run does with artifacts: logging, using, linking; models, code and files of its own."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runwell._run import Run
    from runwell.artifacts.artifact import Artifact


class ArtifactCalls:
    """A part of ``Run``. Nothing of it is imported before it is called."""

    def log_artifact(
        self,
        artifact_or_path: "Artifact | str | os.PathLike[str]",
        name: str | None = None,
        type: str | None = None,  # noqa: A002 - wandb's name
        aliases: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
    ) -> "Artifact":
        """Logs an artifact, or a file or directory as one. It becomes a version once everything of it is with the server.

        A path's artifact is called ``run-ID-NAME`` and of type ``unspecified`` unless said otherwise. The same contents as a
        version before make no new one; ``aliases`` then mean that. ``wait()`` of what is returned waits for the version.
        Raises ValueError, UsageError, SpoolFullError and Error.
        """
        from runwell.artifacts import calls

        return calls.log_artifact(self._run(), artifact_or_path, name, type, aliases, tags)

    def upsert_artifact(
        self,
        artifact_or_path: "Artifact | str | os.PathLike[str]",
        name: str | None = None,
        type: str | None = None,  # noqa: A002 - wandb's name
        aliases: Sequence[str] | None = None,
        distributed_id: str | None = None,
    ) -> "Artifact":
        """``log_artifact`` of one process of several; each logs a version of its own."""
        return self.log_artifact(artifact_or_path, name, type, aliases)

    def finish_artifact(
        self,
        artifact_or_path: "Artifact | str | os.PathLike[str]",
        name: str | None = None,
        type: str | None = None,  # noqa: A002 - wandb's name
        aliases: Sequence[str] | None = None,
        distributed_id: str | None = None,
    ) -> "Artifact":
        """``log_artifact`` by the last process of several."""
        return self.log_artifact(artifact_or_path, name, type, aliases)

    def use_artifact(
        self,
        artifact_or_name: "Artifact | str",
        type: str | None = None,  # noqa: A002 - wandb's name
        aliases: Sequence[str] | None = None,
        use_as: str | None = None,
    ) -> "Artifact":
        """The version ``[[ENTITY/]PROJECT/]NAME:VERSION``, noted as an input of the run; VERSION is ``v3``, an alias or a digest.

        A draft is logged and noted as an input. Without a server, what was used here before is found again. Raises
        ArtifactNotFoundError, ValueError for another type, and ServerUnreachableError.
        """
        from runwell.artifacts import calls

        return calls.use_artifact(self._run(), artifact_or_name, type, aliases)

    def link_artifact(
        self, artifact: "Artifact", target_path: str, aliases: Sequence[str] | None = None
    ) -> "Artifact | None":
        """Makes an artifact a version of the collection ``[[ENTITY/]PROJECT/]NAME`` too, such as one of a registry."""
        from runwell.artifacts import calls

        return calls.link_artifact(self._run(), artifact, target_path, aliases)

    def log_model(
        self, path: str | os.PathLike[str], name: str | None = None, aliases: Sequence[str] | None = None
    ) -> "Artifact":
        """Logs a file or a directory as an artifact of type ``model``."""
        return self.log_artifact(
            path, name or f"run-{self._run().id}-{os.path.basename(os.path.abspath(path))}", "model", aliases
        )

    def use_model(self, name: str) -> str:
        """Fetches a model and returns where it is: its file when it has one, else its folder. Raises as ``use_artifact``."""
        from runwell.artifacts import calls

        return calls.use_model(self._run(), name)

    def link_model(
        self,
        path: str | os.PathLike[str],
        registered_model_name: str,
        name: str | None = None,
        aliases: Sequence[str] | None = None,
    ) -> "Artifact | None":
        """Logs a model and makes it a version of a registered one."""
        target = registered_model_name if "/" in registered_model_name else f"model-registry/{registered_model_name}"
        return self.link_artifact(self.log_model(path, name), target, aliases)

    def log_code(
        self,
        root: str | None = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] | None = None,
        exclude_fn: Callable[..., bool] | None = None,
    ) -> "Artifact | None":
        """Logs the program's source files below ``root``, by default those that end in .py, as an artifact of type ``code``.

        None when there are none.
        """
        from runwell.artifacts import code

        return code.log_code(self._run(), root or ".", name, include_fn, exclude_fn)

    def save(
        self,
        glob_str: str | os.PathLike[str] | None = None,
        base_path: str | os.PathLike[str] | None = None,
        policy: str = "live",
    ) -> list[str]:
        """Keeps files with the run, below ``base_path`` with their folders: now, and with "live" or "end" as they are at its end.

        Returns where they are in the run's directory.
        """
        from runwell.artifacts import saving

        return saving.save(self._run(), glob_str, base_path, policy)

    def restore(self, name: str, run_path: str | None = None, replace: bool = False, root: str | None = None) -> Any:
        """A file that a run has saved, open for reading; it is fetched unless it is in ``root`` already. None when there is none."""
        from runwell.artifacts import saving

        return saving.restore(self._run(), name, run_path, replace, root)

    def _run(self) -> "Run":
        from runwell._run import Run

        assert isinstance(self, Run)
        return self

    def _put_artifact_event(self, kind: str, fields: Mapping[str, Any]) -> None:
        self._run()._open_lane("artifacts").put_event(kind, dict(fields))
