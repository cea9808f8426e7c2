"""Artifacts from one run to another, over a real server: versions, aliases, lineage, downloads."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import runwell
from runwell.artifacts.errors import ArtifactFinalizedError, ArtifactNotFoundError, ArtifactNotLoggedError
from runwell.errors import Error, UsageError
from tests.server import Server, until


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloads go to a directory of the test's."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def ask(server: Server, path: str) -> Any:
    """What the server answers below /api/v1/."""
    with urllib.request.urlopen(f"{server.http}/api/v1/{path}", timeout=20) as answer:
        return json.load(answer)


def files_of(folder: str) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def sync() -> None:
    """`runwell sync`, which must succeed."""
    ended = subprocess.run([sys.executable, "-m", "runwell", "sync"], check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def decided(server: Server, run_id: str, count: int) -> Any:
    """The artifacts of a run once so many that it logged have versions, else None."""
    of_run = ask(server, f"runs/tester/p/{run_id}/artifacts")
    return of_run if sum(its["state"] == "committed" for its in of_run["logged"]) == count else None


def test_from_the_run_that_logs_to_the_run_that_uses(server: Server):
    """A model with a folder goes from one run to another; both are in the lineage, and what arrives is what was logged."""
    Path("weights").mkdir()
    Path("weights/a.bin").write_bytes(os.urandom(2_500_000))
    Path("notes.txt").write_text("good")
    with runwell.init(project="digits", job_type="train") as train:
        model = runwell.Artifact("model", type="model", description="a net", metadata={"layers": [3, 4]})
        model.add_dir("weights", name="w")
        model.add_file("notes.txt")
        returned = train.log_artifact(model, aliases=["best"], tags=["small"])
        assert returned is model
        with pytest.raises(ArtifactFinalizedError):
            model.add_file("notes.txt", name="again")
        assert model.wait(60).version == "v0"
    with runwell.init(project="digits", job_type="evaluate") as evaluate:
        used = evaluate.use_artifact("model:best", type="model")
        folder = used.download()
        with pytest.raises(ValueError, match="type"):
            evaluate.use_artifact("model:best", type="dataset")
        with pytest.raises(ArtifactNotFoundError):
            evaluate.use_artifact("model:v7")
    assert files_of(folder) == {"w/a.bin": Path("weights/a.bin").read_bytes(), "notes.txt": b"good"}
    assert folder == os.path.join("artifacts", "model:v0")
    assert (used.metadata, used.description, used.tags) == ({"layers": [3, 4]}, "a net", ["small"])
    assert (used.digest, used.qualified_name) == (model.digest, "tester/digits/model:v0")
    assert sorted(used.aliases) == ["best", "latest"]
    assert [run.id for run in used.used_by()] == [evaluate.id]
    assert used.logged_by().id == train.id
    graph = ask(server, "artifacts/tester/digits/model/v0/lineage")
    assert graph["edges"] == [
        {"from": f"tester/digits/{train.id}", "to": "tester/digits/model:v0"},
        {"from": "tester/digits/model:v0", "to": f"tester/digits/{evaluate.id}"},
    ] or graph["edges"] == [
        {"from": "tester/digits/model:v0", "to": f"tester/digits/{evaluate.id}"},
        {"from": f"tester/digits/{train.id}", "to": "tester/digits/model:v0"},
    ]
    of_run = ask(server, f"runs/tester/digits/{train.id}/artifacts")
    assert [(its["name"], its["version"], its["state"]) for its in of_run["logged"]] == [("model", "v0", "committed")]
    listed = ask(server, "artifacts/tester/digits/model/latest/files?prefix=w/")
    assert [(file["path"], file["bytes"]) for file in listed["files"]] == [("w/a.bin", 2_500_000)]


def test_the_same_content_makes_no_new_version(server: Server):
    """Logged again it is the version that it was, to which the aliases move; a changed file makes the next one."""
    Path("data").mkdir()
    for number in range(30):
        Path(f"data/{number}").write_text(str(number))
    with runwell.init(project="p"):

        def logged(**options: Any) -> runwell.Artifact:
            artifact = runwell.Artifact("data", type="dataset", metadata=options.pop("metadata", None))
            artifact.add_dir("data")
            return runwell.log_artifact(artifact, **options).wait(60)

        first = logged()
        assert logged(metadata={"differs": True}, aliases=["again"]).version == "v0"
        Path("data/3").write_text("changed")
        assert logged().version == "v1"
        Path("data/3").write_text("3")
        back = logged()
        assert (back.version, back.aliases, back.digest) == ("v0", ["again", "latest"], first.digest)
    versions = ask(server, "artifacts/tester/p/data")["versions"]
    assert [(version["version"], version["aliases"]) for version in versions] == [
        ("v1", []),
        ("v0", ["again", "latest"]),
    ]
    assert versions[1]["metadata"] == {}
    stored = list((server.directory / "blobs").glob("??/*"))
    # 31 contents and two manifests.
    assert len(stored) == 33


def test_edits_links_drafts_and_deletion(server: Server):
    """Aliases and metadata change, a draft goes on from a version, a link shows up in a registry, a version goes for good."""
    with runwell.init(project="p"):
        artifact = runwell.Artifact("data", type="dataset")
        with artifact.new_file("a.txt") as file:
            file.write("a")
        runwell.log_artifact(artifact).wait(60)
        artifact.aliases = [*artifact.aliases, "golden"]
        artifact.metadata["rows"] = 5
        artifact.description = "said later"
        artifact.save()
        draft = artifact.new_draft()
        with draft.new_file("b.txt", mode="w") as file:
            file.write("b")
        draft.remove("a.txt")
        runwell.log_artifact(draft).wait(60)
        linked = artifact.link("registry/data", aliases=["production"])
        assert (linked.qualified_name, linked.is_link) == ("tester/registry/data:v0", True)
        assert draft.version == "v1"
        assert list(draft.manifest.entries) == ["b.txt"]
        with pytest.raises(Error, match="aliases"):
            runwell.use_artifact("data:golden").delete()
        runwell.use_artifact("data:golden").delete(delete_aliases=True)
        with pytest.raises(ArtifactNotFoundError):
            runwell.use_artifact("data:v0")
        assert runwell.use_artifact("registry/data:production").description == "said later"
        again = runwell.Artifact("data", type="dataset")
        again.add_file(runwell.use_artifact("registry/data:v0").file(), name="a.txt")
        # The number of what was deleted is not used again.
        assert runwell.log_artifact(again).wait(60).version == "v2"
    view = ask(server, "artifacts/tester/registry/data/v0")
    assert view["source"] == {"entity": "tester", "project": "p", "name": "data", "version": "v0"}
    assert view["metadata"] == {"rows": 5}


def test_an_artifact_logged_offline_gets_its_version_by_a_sync(server: Server):
    """Two runs log offline, one uses what it logs; once synced all have versions, and one that was used is found offline."""
    with runwell.init(project="p", mode="offline") as offline:
        for content in ("one", "two"):
            artifact = runwell.Artifact("data", type="dataset")
            with artifact.new_file("x") as file:
                file.write(content)
            runwell.use_artifact(artifact)
        with pytest.raises(ArtifactNotLoggedError, match="offline"):
            artifact.wait()
        with pytest.raises(ArtifactNotFoundError, match="offline"):
            runwell.use_artifact("data:latest")
    sync()
    of_run = until(lambda: decided(server, offline.id, 2), "the decisions about both")
    assert [(its["version"], its["state"]) for its in of_run["logged"]] == [("v0", "committed"), ("v1", "committed")]
    assert [use["version"] for use in of_run["used"]] == ["v0", "v1"]
    with runwell.init(project="p"):
        runwell.use_artifact("data:latest").download()
    with runwell.init(project="p", mode="offline"):
        found = runwell.use_artifact("data:latest")
        assert Path(found.download("elsewhere"), "x").read_text() == "two"


def test_versions_are_assigned_once_whatever_is_killed(server: Server):
    """The collector is killed again and again while artifacts arrive: each content has one version, without gaps."""
    with runwell.init(project="p") as run:
        artifacts = []
        for number in range(12):
            artifact = runwell.Artifact("data", type="dataset")
            with artifact.new_file("x") as file:
                file.write(str(number % 6))
            artifacts.append(runwell.log_artifact(artifact, aliases=[f"n{number}"]))
            if number % 4 == 3:
                artifacts[-4].wait(60)
                collector = json.loads((server.directory / "components" / "collector.json").read_text())
                os.kill(collector["pid"], signal.SIGKILL)
        versions = [artifact.wait(60).version for artifact in artifacts]
    assert versions[:6] == versions[6:]
    assert sorted(set(versions)) == [f"v{number}" for number in range(6)]
    aliases = ask(server, "artifacts/tester/p/data")["aliases"]
    assert {alias: version for alias, version in aliases.items() if alias != "latest"} == {
        f"n{number}": versions[number] for number in range(12)
    }
    rebuilt = subprocess.run(
        [sys.executable, "-m", "runwell", "rebuild", "--dir", str(server.directory)], check=False, capture_output=True
    )
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert ask(server, "artifacts/tester/p/data")["aliases"] == aliases
    assert len(ask(server, f"runs/tester/p/{run.id}/artifacts")["logged"]) == 12


def test_references_are_recorded_without_copying(server: Server, tmp_path: Path):
    """Files and addresses elsewhere: a local one is fetched and checked, a bucket's is only named."""
    (tmp_path / "big.bin").write_bytes(b"far away" * 100)
    with runwell.init(project="p"):
        artifact = runwell.Artifact("refs", type="dataset")
        artifact.add_reference(f"file://{tmp_path / 'big.bin'}")
        artifact.add_reference("s3://bucket/key.bin", name="remote.bin")
        runwell.log_artifact(artifact).wait(60)
        used = runwell.use_artifact("refs:latest")
        assert used.get_entry("remote.bin").ref_target() == "s3://bucket/key.bin"
        with pytest.raises(Error, match="allow_missing_references"):
            used.download()
        assert files_of(used.download(allow_missing_references=True)) == {"big.bin": b"far away" * 100}
        (tmp_path / "big.bin").write_bytes(b"changed " * 100)
        with pytest.raises(Error, match="changed since"):
            used.download("another", path_prefix="big")
    assert len(list((server.directory / "blobs").glob("??/*"))) == 1


def test_models_code_and_saved_files(server: Server):
    """log_model and use_model, log_code, save and restore are artifacts under the hood."""
    Path("net.pt").write_bytes(b"net")
    Path("src").mkdir()
    Path("src/train.py").write_text("print(1)")
    Path("src/data.csv").write_text("1,2")
    with runwell.init(project="p") as first:
        runwell.log_model("net.pt", name="net").wait(60)
        code = runwell.log_code("src")
        assert list(code.wait(60).manifest.entries) == ["train.py"]
        assert code.type == "code"
        assert runwell.log_code("src", include_fn=lambda path: False) is None
        runwell.save("src/*", base_path=".")
        Path("src/train.py").write_text("print(2)")
    with runwell.init(project="p"):
        assert Path(runwell.use_model("net:latest")).read_bytes() == b"net"
        assert runwell.restore("nothing", run_path=f"tester/p/{first.id}") is None
        # As it was at the end.
        with runwell.restore("src/train.py", run_path=f"tester/p/{first.id}") as file:
            assert file.read() == "print(2)"


def test_a_download_goes_on_and_leaves_nothing_outside(server: Server, runwell_dir: Path, tmp_path: Path):
    """What was cut off is gone on with, what was damaged is fetched anew, and a link in the folder leads nowhere else."""
    content = os.urandom(3_000_000)
    Path("big").write_bytes(content)
    with runwell.init(project="p"):
        artifact = runwell.Artifact("data", type="dataset")
        artifact.add_file("big", name="sub/big")
        runwell.log_artifact(artifact).wait(60)
        used = runwell.use_artifact("data:v0")
        sha256 = used.get_entry("sub/big").digest
        partial = runwell_dir / "cache" / "artifacts" / "partial" / sha256
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content[:1_000_000])
        assert files_of(used.download("one")) == {"sub/big": content}
        (runwell_dir / "cache" / "artifacts" / sha256[:2] / sha256).write_bytes(b"rotten")
        Path("one/sub/big").write_bytes(b"edited")
        with pytest.raises(Error, match="not what was logged"):
            used.verify("one")
        assert files_of(used.download("one")) == {"sub/big": content}
        used.verify("one")
        (tmp_path / "outside").mkdir()
        Path("two").mkdir()
        Path("two/sub").symlink_to(tmp_path / "outside")
        with pytest.raises(Error, match="outside of two"):
            used.download("two")
    assert not list((tmp_path / "outside").iterdir())


def test_a_wrong_wish_is_refused_with_its_reason(server: Server):
    """Another type than the collection's is told to whoever waits; others go on."""
    with runwell.init(project="p"):
        for kind in ("dataset", "model"):
            artifact = runwell.Artifact("data", type=kind)
            with artifact.new_file("x") as file:
                file.write(kind)
            runwell.log_artifact(artifact)
        with pytest.raises(UsageError, match="holds artifacts of type 'dataset'"):
            artifact.wait(60)


def test_a_disabled_run_logs_nothing(runwell_dir: Path):
    """Calls go through, and nothing is kept."""
    Path("x").write_text("x")
    with runwell.init(mode="disabled") as run:
        artifact = run.log_artifact("x", name="data", type="dataset")
        assert artifact.collection_name == "data"
        with pytest.raises(UsageError):
            run.use_artifact("data:latest")
    assert not list(runwell_dir.glob("spool/*"))


def test_reading_by_the_api_and_the_command_line(server: Server):
    """Versions are listed, found by what is clear of their name, fetched and removed, also without a program of one's own."""

    def command(*words: str) -> str:
        ended = subprocess.run(
            [sys.executable, "-m", "runwell", "artifact", *words], check=False, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    Path("d").mkdir()
    Path("d/x").write_text("one")
    assert "tester/p/data:v0" in command("put", "d", "--name", "p/data", "--alias", "first")
    Path("d/x").write_text("two")
    command("put", "d", "--name", "p/data")
    api = runwell.Api()
    assert [artifact.version for artifact in api.artifacts("dataset", "p/data")] == ["v1", "v0"]
    assert api.artifact("tester/p/data:first").version == "v0"
    assert api.artifact_exists("p/data:v1") and not api.artifact_exists("p/data:v2")
    assert [collection.name for collection in api.artifact_collections("p", "dataset")] == ["data"]
    (logged,) = api.runs("p", order="created_at")[0].logged_artifacts()
    assert (logged.version, logged.logged_by().used_artifacts()) == ("v0", [])
    assert "tester/p/data  dataset  2 versions" in command("ls", "p")
    assert "first" in command("ls", "tester/p/data")
    assert command("ls", "tester/p/data:v1").split() == ["3", "x"]
    folder = command("get", "tester/p/data:latest", "--root", "out").strip()
    assert files_of(folder) == {"x": b"two"}
    command("rm", "tester/p/data:first", "--delete-aliases")
    assert not api.artifact_exists("p/data:v0")
    assert "0 files" in command("cache", "--shrink-to", "0")


def test_the_lines_that_a_wandb_user_writes(server: Server):
    """The user's own snippet, as written but for its data: artifacts logged and used under the name of wandb."""
    import runwell as wandb

    Path("model.h5").write_bytes(os.urandom(10_000))
    wandb.init(project="my_project", name="exp1", config={"lr": 0.001, "epochs": 10})
    artifact = wandb.Artifact("model_v1", type="model")
    artifact.add_file("model.h5")
    wandb.log_artifact(artifact)
    wandb.log_artifact("model.h5")
    wandb.use_artifact("model_v1:latest")
    wandb.init(reinit=True, job_type="evaluation")
    wandb.finish()
    names = {view["name"]: view["latest"] for view in ask(server, "artifacts?project=my_project")["artifacts"]}
    assert names.pop("model_v1") == "v0"
    assert all(name.startswith("run-") and name.endswith("-model.h5") for name in names)
    (run,) = ask(server, "artifacts/tester/my_project/model_v1/v0")["used_by"]
    assert run["project"] == "my_project"


def test_tables_and_images_within_an_artifact(server: Server):
    """What was added comes back as what it was, cells of a table that are images too."""
    Path("dot.png").write_bytes(
        bytes.fromhex(
            "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c6360000000020001"
            "48afa4710000000049454e44ae426082"
        )
    )
    with runwell.init(project="p"):
        artifact = runwell.Artifact("data", type="dataset")
        artifact.add(runwell.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]]), "rows")
        artifact["seen"] = runwell.Table(columns=["image"], data=[[runwell.Image("dot.png", caption="a dot")]])
        with pytest.raises(ValueError, match="expected one of"):
            artifact.add(object(), "nothing")
        runwell.log_artifact(artifact).wait(60)
        used = runwell.use_artifact("data:latest")
        rows = used.get("rows")
        assert (rows.columns, rows.data) == (["a", "b"], [[1, "x"], [2, "y"]])
        assert isinstance(used["seen"].data[0][0], runwell.Image)
        assert used.get("nothing") is None
