"""The command's frame: which subcommands there are, and what every one of them promises to a script.

The last line of standard output is one JSON object; progress and messages go to standard error. Exit codes: 0 done,
1 done and something in the answer failed (the answer's ``exit_code``, which is not printed), 2 bad input or usage with
one sentence on standard error, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from . import begun  # noqa: F401 (first of all, for the time)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    from . import (  # noqa: PLC0415 (after BEGUN, so that their imports are counted)
        batch,
        bench,
        convert_weights,
        demo,
        doctor,
        edit,
        evaluate,
        fetch_guide,
        import_official,
        modes,
        prompts,
        sample,
        score,
        sequence,
        train,
    )

    root = _Parser(
        prog="sinddm-rs",
        description="Edit one aerial or satellite image by text, with a diffusion model of that single image.",
    )
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for module in (
        demo,
        edit,
        sequence,
        batch,
        prompts,
        score,
        evaluate,
        sample,
        train,
        modes,
        import_official,
        fetch_guide,
        convert_weights,
        bench,
        doctor,
    ):
        module.add_to(commands)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    # Read when torch is loaded. Threads that wait long by spinning stall each other where other programs need the
    # cores too: two edits at once on two cores took 13.7 s each with libgomp's default and 7.9 s so, one alone 3.1 s.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    try:
        from ..errors import SinDDMError  # noqa: PLC0415
        from ..rasters.memory import ADVICE, is_out_of_memory  # noqa: PLC0415

        chosen = parser().parse_args(arguments)
        try:
            answer: dict[str, Any] = chosen.run(chosen)
        except SinDDMError as error:
            print(f"sinddm-rs: {error}", file=sys.stderr)
            return 2
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            print(f"sinddm-rs: {ADVICE}", file=sys.stderr)
            return 2
    except KeyboardInterrupt:
        print("sinddm-rs: interrupted, nothing further is written.", file=sys.stderr)
        return 130
    code = int(answer.pop("exit_code", 0))
    print(json.dumps(answer))
    return code
