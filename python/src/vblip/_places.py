"""_places.py - the folders that the command line uses: caches, indexes, the hub's downloads."""

import os
from typing import Optional


def _folder(variable: str, below_home: str) -> Optional[str]:
    value = os.environ.get(variable)
    if value:
        return os.path.join(value, "vblip")
    home = os.environ.get("HOME")
    return os.path.join(home, below_home, "vblip") if home else None


def cache_folder() -> Optional[str]:
    """Of compiled pipelines and self-test verdicts."""
    return _folder("XDG_CACHE_HOME", ".cache")


def data_folder() -> Optional[str]:
    """Of indexes."""
    return _folder("XDG_DATA_HOME", ".local/share")


def hub_folder() -> Optional[str]:
    """Where the hub library keeps what it downloads: its variables in its order."""
    for variable, below in (("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "hub"),
                            ("XDG_CACHE_HOME", "huggingface/hub"), ("TRANSFORMERS_CACHE", "")):
        value = os.environ.get(variable)
        if value:
            return os.path.join(os.path.expanduser(value), below) if below else os.path.expanduser(value)
    home = os.environ.get("HOME")
    return os.path.join(home, ".cache/huggingface/hub") if home else None
