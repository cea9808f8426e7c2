"""wandb's path of the media types."""

from runwell.media.documents import Html, Molecule, Object3D, Plotly
from runwell.media.histogram import Histogram
from runwell.media.image import Image
from runwell.media.image_layers import Classes
from runwell.media.sound import Audio
from runwell.media.table import Table
from runwell.media.video import Video

__all__ = ["Audio", "Classes", "Histogram", "Html", "Image", "Molecule", "Object3D", "Plotly", "Table", "Video"]
