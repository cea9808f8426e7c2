"""Names, manifests and the catalogue of artifacts, as pure rules."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runwell.core.artifacts import naming
from runwell.core.artifacts.catalogue import Catalogue
from runwell.core.artifacts.manifest import (
    Entry,
    ManifestError,
    digest_of,
    manifest_bytes,
    path_problem,
    read_manifest,
)
from runwell.v1 import event_pb2

SHA = "a" * 64


@pytest.mark.parametrize("name", ["a", "model_v1", "x.y-z", "A" * 128])
def test_names_that_are_taken(name: str):
    """Letters, digits, dashes, underscores and dots."""
    assert naming.name_problem(name) is None


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a:b", "é", "A" * 129, "..", ".", None, 5])
def test_names_that_are_refused(name: object):
    """Whatever could be part of a path or be mistaken for a version."""
    assert naming.name_problem(name)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("model", (None, None, "model", "latest")),
        ("model:v3", (None, None, "model", "v3")),
        ("p/model:best", (None, "p", "model", "best")),
        ("e/p/model:v0", ("e", "p", "model", "v0")),
    ],
)
def test_how_a_version_is_asked_for(text: str, parts: tuple[str | None, str | None, str, str]):
    """Entity and project may be left out, and so may the version."""
    assert naming.split_name(text) == parts


@pytest.mark.parametrize("text", ["", "/model", "a/b/c/d", "a b", "e//model"])
def test_what_names_no_artifact(text: str):
    """It is an error that says how to write one."""
    with pytest.raises(ValueError, match="ENTITY/PROJECT/NAME"):
        naming.split_name(text)


def test_aliases_tags_and_reserved_types():
    """An alias is no version and no path; a tag is words; some types are ours."""
    assert naming.alias_problem("best") is None
    assert all(map(naming.alias_problem, ["v3", "a:b", "a/b", "", " ", None]))
    assert naming.tag_problem("two words") is None
    assert all(map(naming.tag_problem, ["", " x", "a/b", None]))
    assert naming.type_problem("model", "x") is None
    assert all(naming.type_problem(kind, "x") for kind in ("", "job", "wandb-x", "run_table", 5))
    assert naming.type_problem("run_table", "run-1-x") is None


PATHS = st.lists(st.from_regex(r"[a-z0-9 ü]{1,5}", fullmatch=True), min_size=1, max_size=3).map("/".join)


@given(st.dictionaries(PATHS, st.integers(0, 1 << 50), max_size=10))
def test_a_manifest_reads_back(sizes: dict[str, int]):
    """Whatever order files were added in, the bytes are equal, and so is what is read."""
    sizes = {path: size for path, size in sizes.items() if not any(other.startswith(path + "/") for other in sizes)}
    entries = [Entry(path, f"{number:064x}", size) for number, (path, size) in enumerate(sizes.items())]
    data = manifest_bytes(entries)
    assert data == manifest_bytes(reversed(entries))
    assert sorted(read_manifest(data).values()) == sorted(entries)
    assert digest_of(entries) == digest_of(reversed(entries))


def test_what_is_part_of_the_digest():
    """Paths and contents are; where a file came from is not."""
    one = Entry("a", SHA, 1)
    assert digest_of([one]) != digest_of([one._replace(path="b")])
    assert digest_of([one]) != digest_of([one._replace(sha256="b" * 64)])
    assert digest_of([one]) == digest_of([one._replace(reference="file:///a")])
    assert (
        digest_of([]) == "5df9132a04237cfb0f8ac9a4aa5a0b4aa1a9d5ac9d5a3ab5d7c1fe7cbf90ba63" or len(digest_of([])) == 64
    )


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/", "a\\b", "a\0b", "a\nb", "\udcff", "x" * 4_097],
)
def test_paths_that_lead_out_or_cannot_be(path: str):
    """They are refused when they are added and when a manifest has them."""
    assert path_problem(path)
    data = json.dumps({"version": 1, "files": [{"path": path, "sha256": SHA, "bytes": 1}]}).encode()
    with pytest.raises(ManifestError):
        read_manifest(data)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 2, "files": []}',
        '{"version": 1, "files": [{"path": "a", "sha256": "x", "bytes": 1}]}',
        '{"version": 1, "files": [{"path": "a", "sha256": "", "bytes": 1}]}',
        f'{{"version": 1, "files": [{{"path": "a", "sha256": "{SHA}", "bytes": -1}}]}}',
        f'{{"version": 1, "files": [{{"path": "a", "sha256": "{SHA}", "bytes": 1}}, {{"path": "a", "sha256": "{SHA}", "bytes": 1}}]}}',
        f'{{"version": 1, "files": [{{"path": "a", "sha256": "{SHA}", "bytes": 1}}, {{"path": "a/b", "sha256": "{SHA}", "bytes": 1}}]}}',
        "[" * 100_000,
    ],
)
def test_what_is_no_manifest(text: str):
    """A hostile or torn one is an error, never something else."""
    with pytest.raises(ManifestError):
        read_manifest(text.encode())


class Decisions:
    """A catalogue with a collector that decides about what it is asked."""

    def __init__(self) -> None:
        self.catalogue = Catalogue()
        self.events: list[event_pb2.Event] = []

    def _apply(self, event: event_pb2.Event) -> None:
        event.time = 1_000.0 + len(self.events)
        self.events.append(event)
        self.catalogue.apply(len(self.events), event)

    def log(self, digest: str, *aliases: str, kind: str = "model") -> str:
        decided = self.catalogue.decide_logged("m", kind, digest, list(aliases))
        said = event_pb2.ArtifactVersionAssigned(
            name="m", sha256=digest, version=decided.version, existing=decided.existing
        )
        said.aliases.extend(decided.aliases)
        said.refused = decided.refused
        said.logged.CopyFrom(event_pb2.ArtifactLogged(name="m", type=kind, id=f"id{len(self.events)}"))
        self._apply(event_pb2.Event(artifact_version_assigned=said))
        return decided.refused or f"v{decided.version}"

    def edit(self, version: str, **fields: object) -> str:
        edit = event_pb2.ArtifactEdited(artifact=event_pb2.ArtifactName(name="m"), version=version, **fields)
        decided = self.catalogue.decide_edit(edit)
        said = event_pb2.ArtifactChanged(version=decided.version, edit=edit, refused=decided.refused)
        self._apply(event_pb2.Event(artifact_changed=said))
        return decided.refused

    @property
    def aliases(self) -> dict[str, int]:
        return dict(self.catalogue.collections["m"].aliases)


def test_versions_and_aliases_follow_from_decisions():
    """New content makes the next version and takes `latest`; known content only moves aliases; another type is refused."""
    its = Decisions()
    assert [its.log("a", "x"), its.log("b"), its.log("a", "y"), its.log("a")] == ["v0", "v1", "v0", "v0"]
    assert its.aliases == {"x": 0, "y": 0, "latest": 0}
    assert "holds artifacts of type" in its.log("c", kind="dataset")
    assert its.log("c") == "v2"
    assert its.aliases["latest"] == 2


def test_deletion_leaves_a_gap_and_gives_latest_back():
    """A deleted version's number is not used again, its content may come again as a new one."""
    its = Decisions()
    its.log("a"), its.log("b", "best")
    assert "aliases" in its.edit("best", deleted=True)
    assert not its.edit("best", deleted=True, delete_aliases=True)
    assert its.aliases == {"latest": 0}
    assert "there is no" in its.edit("v1", description="too late")
    assert its.log("b") == "v2"


def test_a_decision_is_taken_in_once_and_in_order():
    """Records that come again change nothing, so a reader may go on from wherever it was."""
    its = Decisions()
    its.log("a", "x"), its.log("b", "x"), its.edit("v0", aliases_added=["y"], aliases_removed=["latest"])
    other = Catalogue()
    for _ in range(2):
        for record, event in enumerate(its.events, 1):
            other.apply(record, event)
    assert other.collections["m"] == its.catalogue.collections["m"]
    assert other.collections["m"].aliases == {"x": 1, "latest": 1, "y": 0}
