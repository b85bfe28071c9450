"""Runs the command in processes of its own that need not load it: each is forked from this one, which has.

One JSON object a line comes in, one goes out. {"begin": arguments, "folder", "log", "limits", "kill_at"} → {"pid"};
{"end": pid} → {"code"}. kill_at: the process kills itself before so many changes of files in its folder.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.copyfile")
WRITES = os.O_WRONLY | os.O_RDWR


def main() -> None:
    import torch  # noqa: PLC0415
    from comfyui_sinddm_rs.cli import main as command  # noqa: PLC0415
    from comfyui_sinddm_rs.cli.main import parser  # noqa: PLC0415
    from comfyui_sinddm_rs.geo import large, tiles  # noqa: PLC0415
    from comfyui_sinddm_rs.guidance.guides import load_guide  # noqa: PLC0415
    from comfyui_sinddm_rs.sinddm.training import run  # noqa: PLC0415

    torch.set_num_threads(1)
    parser()
    load_guide("compact", "cpu")
    # Checkpoints and tiles enough in a short run.
    run.CHECKPOINT_EVERY = 0.05
    large.AT_ONCE, large.PLAN_SIDE, tiles.TILE, tiles.OVERLAP = 160, 96, 80, 8
    print(json.dumps({"ready": True}), flush=True)
    running: set[int] = set()
    for line in sys.stdin:
        asked = json.loads(line)
        if "end" in asked:
            _, status = os.waitpid(asked["end"], 0)
            running.discard(asked["end"])
            print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)
            continue
        pid = os.fork()
        if pid:
            running.add(pid)
            print(json.dumps({"pid": pid}), flush=True)
            continue
        code = 99
        try:
            _prepare(asked)
            code = command(asked["begin"])
        except SystemExit as left:
            code = int(left.code or 0)
        except BaseException:
            import traceback  # noqa: PLC0415

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    for pid in running:  # the tests ended before them
        os.kill(pid, signal.SIGKILL)


def _prepare(asked: dict[str, Any]) -> None:
    os.setsid()
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(asked["folder"])
    for name, value in asked["limits"].items():
        limit = getattr(resource, name)
        # Of memory, so much more than there is already.
        there = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(limit, (value + (there if name == "RLIMIT_AS" else 0), resource.getrlimit(limit)[1]))
    if asked["kill_at"] is not None:
        _kill_at(asked["kill_at"], str(asked["folder"]))


def _kill_at(count: int, folder: str) -> None:
    seen = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event == "open":
            path, _, flags = arguments
            changes = isinstance(path, (str, bytes)) and isinstance(flags, int) and bool(flags & WRITES)
        else:
            path, changes = arguments[0] if arguments else "", event in CHANGES
        if changes and str(Path(os.fsdecode(path)).absolute()).startswith(folder):
            seen += 1
            if seen == count:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


if __name__ == "__main__":
    main()
