"""Sounds, films, pages, things in space, molecules and charts of plotly."""

import io
import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import runwell
from tests.client.media.reading import logged


def test_a_sound_of_samples(offline: runwell.Run):
    """Floats from -1 to 1 become 16 bits, and what is beyond is cut off."""
    samples = np.array([[0.0, 0.5], [1.0, -1.0], [2.0, np.nan]])
    value, data = logged(offline, runwell.Audio(samples, sample_rate=8_000, caption="beep"))
    assert (value["_type"], value["caption"]) == ("audio-file", "beep")
    assert value["path"].endswith(".wav")
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8_000, 2)
        assert np.frombuffer(file.readframes(9), "<i2").tolist() == [0, 16_384, 32_767, -32_768, 32_767, 0]


def test_a_film_of_frames(offline: runwell.Run):
    """Frames with their channels first become a GIF; films of a batch stand beside each other."""
    frames = np.zeros((2, 3, 3, 4, 5), np.uint8)
    frames[1, :] = 200
    frames[:, 1] = 50
    frames[:, 2] = 90
    value, data = logged(offline, runwell.Video(frames, fps=10, format="gif"))
    assert value["_type"] == "video-file"
    with PIL.Image.open(io.BytesIO(data)) as film:
        assert (getattr(film, "n_frames", 1), film.size, film.info["duration"]) == (3, (10, 4), 100)


@pytest.mark.parametrize(
    ("make", "kind", "ending", "expected"),
    [
        (lambda _: runwell.Html("<b>x</b>", inject=False), "html-file", ".html", b"<b>x</b>"),
        (lambda _: runwell.Html(io.StringIO("<i>\ud800</i>"), inject=False), "html-file", ".html", b"<i>\\ud800</i>"),
        (
            lambda _: runwell.Html("<html><head><title>t"),
            "html-file",
            ".html",
            b'<html><head><base target="_blank"><title>t',
        ),
        (
            lambda _: runwell.Object3D(np.eye(3)),
            "object3D-file",
            ".pts.json",
            b"[[1.0,0.0,0.0],[0.0,1.0,0.0],[0.0,0.0,1.0]]",
        ),
        (
            lambda _: runwell.Object3D({"type": "lidar/beta", "points": np.zeros((1, 3))}),
            "object3D-file",
            ".pts.json",
            b'{"type":"lidar/beta","points":[[0.0,0.0,0.0]]}',
        ),
        (lambda _: runwell.Object3D(io.StringIO("v 0 0 0"), file_type="obj"), "object3D-file", ".obj", b"v 0 0 0"),
        (runwell.Molecule, "molecule-file", ".pdb", b"ATOM"),
        (lambda _: runwell.Video(io.BytesIO(b"film"), format="mp4"), "video-file", ".mp4", b"film"),
    ],
)
def test_documents_are_kept(offline: runwell.Run, tmp_path: Path, make: Any, kind: str, ending: str, expected: bytes):
    """Of texts, open files, paths and arrays."""
    path = tmp_path / "a.pdb"
    path.write_text("ATOM")
    value, data = logged(offline, make(path))
    assert (value["_type"], data) == (kind, expected)
    assert value["path"].endswith(ending)


def test_a_large_file_is_in_the_store_before_log_returns(offline: runwell.Run, tmp_path: Path):
    """It is never read into memory whole."""
    path = tmp_path / "film.mp4"
    path.write_bytes(bytes(9 << 20))
    film = runwell.Video(path)
    assert film.held_bytes == 0
    value, data = logged(offline, film)
    assert len(data) == value["size"] == 9 << 20


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: runwell.Audio(np.zeros(3)), ValueError),
        (lambda: runwell.Audio("missing.wav"), FileNotFoundError),
        (lambda: runwell.Audio(np.zeros((1, 2, 3)), sample_rate=1), ValueError),
        (lambda: runwell.Video("missing.mp4"), FileNotFoundError),
        (lambda: runwell.Video("film.avi"), ValueError),
        (lambda: runwell.Video(np.zeros((2, 4, 4))), ValueError),
        (lambda: runwell.Video(b"x"), ValueError),
        (lambda: runwell.Html("missing.html"), FileNotFoundError),
        (lambda: runwell.Html(3), ValueError),
        (lambda: runwell.Object3D(np.zeros((4, 5))), ValueError),
        (lambda: runwell.Object3D("x.bla"), ValueError),
        (lambda: runwell.Object3D({"points": []}), ValueError),
        (lambda: runwell.Object3D(3), ValueError),
        (lambda: runwell.Molecule("x.foo"), ValueError),
        (lambda: runwell.Plotly(3), ValueError),
    ],
)
def test_what_cannot_be_one_is_refused_where_it_is_made(make: Any, error: type[Exception]):
    """The call raises, and says what is wrong."""
    with pytest.raises(error) as raised:
        make()
    assert str(raised.value)


def test_charts_of_plotly(offline: runwell.Run):
    """A figure that is logged is its JSON."""
    from plotly import graph_objects

    value, data = logged(offline, graph_objects.Figure(data=[graph_objects.Scatter(x=[1], y=[2])]))
    assert value["_type"] == "plotly-file"
    assert json.loads(data)["data"][0]["y"] == [2]
