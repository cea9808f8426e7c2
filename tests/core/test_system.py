"""What the paths of figures mean."""

import pytest

from runwell.core.system import FIGURES, figure_of


@pytest.mark.parametrize(
    ("path", "meaning"),
    [
        ("cpu\x1fused_ratio", ("cpu_used_ratio", "")),
        ("gpu\x1f0\x1fused_ratio", ("gpu_used_ratio", "0")),
        ("disk\x1f/data\x1fdeep\x1ffree_bytes", ("disk_free_bytes", "/data\x1fdeep")),
        ("disk\x1f\x1ffree_bytes", ("disk_free_bytes", "")),
        ("cpu\x1fheat", None),
        ("cpu_used_ratio", None),
        ("", None),
    ],
)
def test_a_path_is_a_figure_and_a_device(path: str, meaning: tuple[str, str] | None):
    """The first and the last label name the figure, whatever is between is the device; others are none."""
    assert figure_of(path) == meaning


def test_figures_have_base_units():
    """Names end with a base unit, or are plain counts."""
    units = ("_ratio", "_bytes", "_bytes_per_second", "_celsius", "_watts", "_hertz", "_cores")
    counts = {"cpu_load_average", "gpu_throttled", "gpu_memory_errors", "process_threads", "process_open_files"}
    assert {name for name in FIGURES if not name.endswith(units)} == counts
