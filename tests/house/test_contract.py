"""The wire contract, its generated code and the package's version agree."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from google.protobuf import descriptor_pb2

import runwell
from runwell.v1 import collector_pb2, event_pb2
from tests.house.source import ROOT


def buf(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """The protobuf tool of this environment."""
    return subprocess.run(
        [Path(sys.executable).with_name("buf"), *arguments], cwd=ROOT, capture_output=True, check=False
    )


def test_generated_code_is_up_to_date():
    """The descriptors in src/client/runwell/v1 are those of proto/; `make proto` renews them."""
    built = buf("build", "proto", "--exclude-source-info", "-o", "-#format=binpb")
    assert built.returncode == 0, built.stderr
    written = {file.name: file for file in descriptor_pb2.FileDescriptorSet.FromString(built.stdout).file}
    for module in (event_pb2, collector_pb2):
        generated = descriptor_pb2.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
        assert without_json_names(written[module.DESCRIPTOR.name]) == generated


def without_json_names(file: descriptor_pb2.FileDescriptorProto) -> descriptor_pb2.FileDescriptorProto:
    """protoc does not write names that follow from others into generated code."""
    pending = list(file.message_type)
    while pending:
        message = pending.pop()
        pending.extend(message.nested_type)
        for field in message.field:
            field.ClearField("json_name")
    file.DiscardUnknownFields()
    return file


def test_a_released_field_is_never_changed():
    """A field number that was released keeps its meaning: buf compares with proto/released.binpb."""
    compared = buf("breaking", "proto", "--against", "proto/released.binpb")
    assert compared.returncode == 0, compared.stdout.decode() + compared.stderr.decode()


def test_versions_agree():
    """Package metadata, `runwell.__version__` and the newest entry of the changelog say the same."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert (version, version) == (runwell.__version__, newest.group(1))
