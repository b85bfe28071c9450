"""The command ``sinddm-rs``."""

from .main import main

__all__ = ["main"]
