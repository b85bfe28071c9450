"""When the command began: imported first, so that its heavy imports are counted."""

from __future__ import annotations

import time

BEGUN = time.perf_counter()
