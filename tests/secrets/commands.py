"""Runs a list of commands in this one process: commands.py LIST.json; the exit codes are its last line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from comfyui_sinddm_rs.cli import main


def code_of(arguments: list[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as left:  # as argparse ends
        return int(left.code or 0)


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    codes = [code_of(arguments) for arguments in given]
    print(json.dumps(codes))
