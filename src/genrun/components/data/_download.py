"""Downloads of the data sets that have a fixed address."""

from __future__ import annotations

from pathlib import Path

from genrun.core import cache
from genrun.core.errors import ConfigError


def check_url(url: str) -> None:
    """Raises `ConfigError` if `data.url` is not an address on the web."""
    if not url.startswith(("https://", "http://")):
        raise ConfigError(f"data.url={url}: must begin with https:// or http://")


def download(url: str, target: Path, sha256: str) -> Path:
    """Downloads a data file to `target`, see `cache.download`."""
    return cache.download(
        url, target, sha256, alternative="put the file in a folder and give data.root=FOLDER"
    )
