"""How the pages are served: one document for every address, a strict policy, and no file but those of the bundle."""

import re
import subprocess
import sys

import pytest

from tests.dashboard.conftest import Served
from tests.dashboard.requests import raw, request
from tests.house.source import ROOT


@pytest.mark.parametrize(
    ("path", "base"),
    [("/", "./"), ("/ada/digits", "../"), ("/ada/digits/plain", "../../"), ("/ada/digits/-/compare", "../../../")],
)
def test_every_address_has_the_document(served: Served, path: str, base: str):
    """The document finds its bundle below any prefix that a proxy has cut off: its base is relative to the path."""
    answer = request(served.base, path)
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/html")
    assert f'<base href="{base}">' in answer.body.decode() and "runwell" in answer.body.decode()


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(served: Served):
    """No inline script or style, no other origin, no frame; and the document itself holds none."""
    answer = request(served.base, "/")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy and "http" not in policy and "frame-ancestors 'none'" in policy
    document = answer.body.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|https?:", document)


def test_assets_are_kept_for_ever_and_the_document_is_not(served: Served):
    """The names of assets hold their digests; the document is asked for each time."""
    document = request(served.base, "/")
    assert document.headers["cache-control"] == "no-cache"
    names = re.findall(r'(?:src|href)="\./([^"]+)"', document.body.decode())
    assert len(names) == 4
    for name in names:
        answer = request(served.base, f"/{name}")
        assert answer.status == 200 and answer.headers["x-content-type-options"] == "nosniff"
        assert ("immutable" in answer.headers["cache-control"]) == name.startswith("assets/")


def test_the_document_has_the_browser_ask_for_what_its_page_asks_first(served: Served):
    """While the bundle is loaded; names of the address are escaped, and pages that ask for nothing known have none."""
    asked = r'<link rel="preload" as="fetch" crossorigin href="([^"]*)">'
    run = request(served.base, "/ada/digits/pl%22%3E%3Cscript%3E%20x").body.decode()
    first, second = re.findall(asked, run)
    assert first == "api/v1/runs/ada/digits/pl%22%3E%3Cscript%3E%20x" and "<script>" not in run
    assert second == "api/v1/keys?entity=ada&amp;project=digits&amp;run=pl%22%3E%3Cscript%3E+x"
    for address in re.findall(asked, request(served.base, "/ada/digits/plain").body.decode()):
        assert request(served.base, "/" + address.replace("&amp;", "&")).status == 200
    assert not re.findall(asked, request(served.base, "/ada/digits/-/compare").body.decode())


@pytest.mark.parametrize(
    "path", ["/assets/..%2f..%2fapp.py", "/assets/%2e%2e", "/assets/.digest", "/assets/nothing.js"]
)
def test_nothing_else_on_the_disk_is_served(served: Served, path: str):
    """Only the files of the bundle have an address."""
    line = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert raw(served.base, line.encode()).split()[1] == b"404"


def test_the_modules_of_the_pages_do_what_they_say():
    """The tests of the pure TypeScript modules pass."""
    command = [sys.executable, str(ROOT / "src/dashboard/web/build.py"), "test"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]


def test_the_lock_file_names_no_registry():
    """Packages come from whatever registry a machine has: the lock file holds digests, not addresses."""
    text = (ROOT / "src/dashboard/web/package-lock.json").read_text()
    assert '"integrity"' in text and '"resolved"' not in text and "registry" not in text
