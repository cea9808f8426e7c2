"""Images of everything that scripts have them in: the pixels that come out are those that went in."""

import io
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import runwell
from runwell.media.png import image_size, write_png
from tests.client.media.reading import content, logged, media

RNG = np.random.default_rng(7)
PIXELS = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
FLOATS = np.array([[0.0, 0.5], [1.0, 0.25]])


def pixels_of(data: bytes) -> np.ndarray:
    """What PIL, which is not ours, reads in a file."""
    return np.asarray(PIL.Image.open(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (PIXELS, PIXELS),
        (PIXELS[:, :, 0], PIXELS[:, :, 0]),
        (PIXELS[:, :, :1], PIXELS[:, :, 0]),
        (np.dstack([PIXELS, PIXELS[:, :, 0]]), np.dstack([PIXELS, PIXELS[:, :, 0]])),
        (PIXELS[None], PIXELS),
        (PIXELS[::-1, ::-1], PIXELS[::-1, ::-1]),
        (FLOATS, [[0, 127], [255, 63]]),
        (FLOATS * 2 - 1, [[0, 127], [255, 63]]),
        (FLOATS.astype(np.float16), [[0, 127], [255, 63]]),
        (np.array([[0.0, 254.9], [300.0, -5.0]]), [[0, 254], [255, 0]]),
        (np.array([[np.nan, 1.0], [np.inf, -np.inf]]), [[0, 1], [255, 0]]),
        (np.array([[0, 1], [300, -4]]), [[0, 1], [255, 0]]),
        (np.array([[True, False]]), [[255, 0]]),
        (PIL.Image.fromarray(PIXELS), PIXELS),
        (PIL.Image.fromarray(PIXELS).convert("L"), np.asarray(PIL.Image.fromarray(PIXELS).convert("L"))),
        (PIL.Image.new("P", (3, 2)), np.zeros((2, 3, 3))),
    ],
)
def test_pixels_are_kept(offline: runwell.Run, given: Any, expected: Any):
    """Bytes stay as they are; floats from 0 to 1 or -1 to 1 are scaled; NaN is black, and what is beyond is cut off."""
    value, data = logged(offline, runwell.Image(given, caption="what it is"))
    found = pixels_of(data)
    assert found.tolist() == np.asarray(expected).tolist()
    assert value == {
        "_type": "image-file",
        "path": f"media/images/value_0_{value['sha256'][:20]}.png",
        "sha256": value["sha256"],
        "size": len(data),
        "format": "png",
        "width": found.shape[1],
        "height": found.shape[0],
        "caption": "what it is",
    }


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", ["noise", "columns", "rows"])
def test_every_filter_of_a_png_is_read_back(channels: int, kind: str):
    """Whichever filter is chosen, PIL reads the pixels."""
    size = (40, 30, channels)
    ramp = np.arange(256, dtype=np.uint8)
    pixels = {
        "noise": RNG.integers(0, 256, size, dtype=np.uint8),
        "columns": np.broadcast_to(ramp[None, :30, None], size).copy(),
        "rows": np.broadcast_to(ramp[:40, None, None], size).copy(),
    }[kind]
    written = write_png(30, 40, channels, pixels)
    assert pixels_of(written).reshape(size).tolist() == pixels.tolist()
    assert pixels_of(write_png(30, 40, channels, pixels.tobytes())).reshape(size).tolist() == pixels.tolist()


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "bmp", "webp"])
def test_a_file_is_kept_as_it_is(offline: runwell.Run, tmp_path: Path, kind: str):
    """A file's bytes are those that were there when log() was called, whatever is done with it then."""
    path = tmp_path / f"a.{kind}"
    PIL.Image.fromarray(PIXELS).save(path)
    before = path.read_bytes()
    offline.log({"value": runwell.Image(path)})
    path.write_bytes(b"changed")
    path.unlink()
    offline.finish()
    assert offline.spool is not None
    value = media(offline.spool)["value", 0]
    assert content(tmp_path, value["sha256"]) == before
    assert (value["format"], value["width"], value["height"]) == (kind, 7, 5)


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0" + b"x" * 70_000}], ids=str)
@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "webp"])
def test_the_size_of_an_image_is_read_without_pil(kind: str, options: dict[str, Any]):
    """Each format, with and without much before the size."""
    out = io.BytesIO()
    known = {} if kind in ("gif", "bmp") or ("exif" in options and kind == "jpeg") else options
    PIL.Image.fromarray(PIXELS).save(out, kind, **known)
    found = image_size(out.getvalue())
    assert found is not None
    assert found[1:] == (7, 5)
    assert image_size(out.getvalue()[:7]) is None


def test_file_types_modes_and_lists(offline: runwell.Run):
    """A JPEG by PIL, another mode, and several images as one value with their captions."""
    image = runwell.Image(PIXELS)
    offline.log({"jpg": runwell.Image(PIXELS, file_type="jpg"), "grey": runwell.Image(PIXELS, mode="L")})
    offline.log(
        {"nested": {"a/../b": [runwell.Image(PIXELS, caption="one"), image]}, "mixed": [image, 5, {"a": image}]}
    )
    offline.finish()
    assert offline.spool is not None
    found = media(offline.spool)
    root = offline.spool.parents[1]
    assert content(root, found["jpg", 0]["sha256"]).startswith(b"\xff\xd8")
    assert pixels_of(content(root, found["grey", 0]["sha256"])).ndim == 2
    many = found["nested.a/../b", 1]
    assert (many["_type"], many["count"], many["captions"]) == ("images/separated", 2, ["one", None])
    assert many["filenames"] == [f"media/images/a/_/b_1_{sha256[:20]}.png" for sha256 in many["sha256s"]]
    single, number, nested = found["mixed", 1]
    assert (single["_type"], number, nested["a"]["_type"]) == ("image-file", 5, "image-file")


def test_boxes_and_masks(offline: runwell.Run):
    """They become files beside the image, with the names of classes."""
    box = {
        "position": {"minX": 0.1, "maxX": 0.2, "minY": 0.3, "maxY": 0.4},
        "class_id": np.int64(1),
        "scores": {"s": 0.5},
    }
    offline.log(
        {
            "image": runwell.Image(
                PIXELS,
                boxes={"predicted": {"box_data": [box]}},
                masks={"truth": {"mask_data": np.ones((5, 7), int), "class_labels": {1: "cat"}}},
                classes=[{"id": 1, "name": "dog"}],
            )
        }
    )
    offline.finish()
    assert offline.spool is not None
    found = media(offline.spool)["image", 0]
    root = offline.spool.parents[1]
    assert found["boxes"]["predicted"]["_type"] == "boxes2D"
    assert content(root, found["boxes"]["predicted"]["sha256"]) == (
        b'{"box_data":[{"position":{"minX":0.1,"maxX":0.2,"minY":0.3,"maxY":0.4},"class_id":1,"scores":{"s":0.5}}],'
        b'"class_labels":{"1":"dog"}}'
    )
    assert found["masks"]["truth"]["class_labels"] == {"1": "cat"}
    assert pixels_of(content(root, found["masks"]["truth"]["sha256"])).tolist() == np.ones((5, 7)).tolist()


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: runwell.Image("missing.png"), FileNotFoundError),
        (lambda: runwell.Image(__file__), ValueError),
        (lambda: runwell.Image(np.zeros((3, 3, 5))), ValueError),
        (lambda: runwell.Image(np.zeros((0, 4))), ValueError),
        (lambda: runwell.Image(np.zeros(3)), ValueError),
        (lambda: runwell.Image(np.array([["a"]])), ValueError),
        (lambda: runwell.Image(3), ValueError),
        (lambda: runwell.Image(FLOATS, file_type="tga"), ValueError),
        (lambda: runwell.Image(FLOATS, boxes={"p": {}}), ValueError),
        (lambda: runwell.Image(FLOATS, boxes={"p": {"box_data": [{"class_id": 1}]}}), TypeError),
        (lambda: runwell.Image(FLOATS, masks={"p": {"mask_data": FLOATS * 300}}), ValueError),
    ],
)
def test_what_is_no_image_is_refused_where_it_is_made(make: Any, error: type[Exception]):
    """The call that was given it raises, and says what is wrong."""
    with pytest.raises(error) as raised:
        make()
    assert str(raised.value)


@pytest.mark.skipif(not find_spec("torch"), reason="no torch here, which is too large for every machine")
def test_tensors(offline: runwell.Run):
    """Channels come first, a batch becomes a grid, and what needs a gradient or has 16 bits is an image too."""
    import torch

    chosen = torch.from_numpy(PIXELS.copy()).permute(2, 0, 1)
    offline.log({"a": runwell.Image(chosen), "b": runwell.Image((chosen / 255).requires_grad_())})
    offline.log({"c": runwell.Image(torch.stack([chosen] * 9)), "d": runwell.Image((chosen / 255).bfloat16()[0])})
    offline.finish()
    assert offline.spool is not None
    found, root = media(offline.spool), offline.spool.parents[1]
    assert pixels_of(content(root, found["a", 0]["sha256"])).tolist() == PIXELS.tolist()
    assert np.abs(pixels_of(content(root, found["b", 0]["sha256"])).astype(int) - PIXELS).max() <= 1
    assert (found["c", 1]["width"], found["c", 1]["height"]) == (8 * 9 + 2, 2 * 7 + 2)
    assert pixels_of(content(root, found["c", 1]["sha256"]))[9:14, 2:9].tolist() == PIXELS.tolist()
    assert pixels_of(content(root, found["d", 1]["sha256"])).shape == (5, 7)


def test_figures_of_matplotlib(offline: runwell.Run):
    """A figure, something in it, and pyplot itself are images of what is drawn."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(2, 1), dpi=50)
    axes.plot([1, 2])
    offline.log({"a": figure, "b": runwell.Image(axes), "c": plt})
    plt.close(figure)
    offline.finish()
    assert offline.spool is not None
    found = media(offline.spool)
    assert {(value["_type"], value["width"], value["height"]) for value in found.values()} == {("image-file", 100, 50)}
