"""wandb's path of ``RunDisabled``: a disabled run is a ``Run`` like any other."""

from runwell._run import Run
from runwell.sdk.lib import config_util, telemetry

RunDisabled = Run

__all__ = ["Run", "RunDisabled", "config_util", "telemetry"]
