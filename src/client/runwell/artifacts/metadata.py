"""Metadata of artifacts: JSON, as config values are."""

import math
from collections.abc import Mapping
from typing import Any

from runwell._scalars import RefusedError
from runwell._values import convert_config_value
from runwell.core.artifacts.naming import METADATA_KEYS_MAX


def plain_metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Metadata as it is kept: NaN is None. Raises ValueError for an infinity or too many keys, TypeError for other values."""
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise TypeError(f"metadata must be a dict, not {type(metadata).__name__}")
    if len(metadata) > METADATA_KEYS_MAX:
        raise ValueError(f"metadata has {len(metadata)} keys, and at most {METADATA_KEYS_MAX} are taken")
    return {str(key): _plain(str(key), value) for key, value in metadata.items()}


def _plain(key: str, value: Any) -> Any:
    try:
        return _finite(key, convert_config_value(value))
    except RefusedError as error:
        raise TypeError(f"the metadata {key!r:.100} {error}") from None


def _finite(key: str, value: Any) -> Any:
    if isinstance(value, float) and math.isinf(value):
        raise ValueError(f"the metadata {key!r:.100} is infinite, which JSON cannot hold")
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, dict):
        return {name: _finite(key, nested) for name, nested in value.items()}
    return [_finite(key, nested) for nested in value] if isinstance(value, list) else value
