"""Rules that hold for every published file: who may import whom, and what no file may do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "comfyui_sinddm_rs"

# Each folder (or module of the root) may import from itself and from these.
MAY_IMPORT = {
    "errors": set(),
    "version": set(),
    "rasters": {"errors"},
    "sinddm": {"errors", "rasters"},
    "guidance": {"errors", "rasters", "sinddm"},
    "geo": {"errors", "rasters", "sinddm", "guidance"},
    "nodes": {"errors", "rasters", "sinddm", "guidance", "geo"},
    "evaluation": {"errors", "version", "rasters", "sinddm", "guidance"},
    "batch": {"errors", "version", "rasters", "sinddm", "guidance", "geo"},
    "cli": {"errors", "version", "rasters", "sinddm", "guidance", "geo", "evaluation", "batch"},
    "__init__": {"errors", "rasters", "sinddm", "guidance", "nodes"},
}
COMFYUI_MODULES = {
    "comfy",
    "comfy_api",
    "comfy_execution",
    "comfy_extras",
    "execution",
    "folder_paths",
    "server",
}
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve", "subprocess"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}
GLOBAL_RANDOM_CALLS = {
    "torch.manual_seed",
    "torch.seed",
    "torch.cuda.manual_seed",
    "torch.cuda.manual_seed_all",
}
EXPLICIT_NUMPY_RANDOM = {"default_rng", "Generator", "SeedSequence", "PCG64", "Philox", "BitGenerator"}
TORCH_DRAWS = {
    "rand",
    "randn",
    "randint",
    "randperm",
    "normal",
    "multinomial",
    "bernoulli",
    "rand_like",
    "randn_like",
}

FILES = sorted(
    path
    for folder in MAY_IMPORT
    for path in ([ROOT / f"{folder}.py"] if (ROOT / f"{folder}.py").exists() else (ROOT / folder).rglob("*.py"))
)


def test_files_are_found_and_every_module_of_the_root_has_a_place() -> None:
    assert len(FILES) > 10
    assert {path.stem for path in ROOT.glob("*.py")} <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_keeps_the_rules(path: Path) -> None:
    assert list(violations(path.relative_to(ROOT), path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        ("rasters/a.py", "from ..sinddm import b", "rasters imports sinddm"),
        ("rasters/a.py", "from .. import sinddm", "rasters imports sinddm"),
        ("sinddm/a.py", "def f():\n    from ..guidance.views import g", "sinddm imports guidance"),
        ("guidance/events/a.py", "from ...nodes import types", "guidance imports nodes"),
        ("nodes/a.py", "from ..cli import main", "nodes imports cli"),
        ("cli.py", "from .nodes import edit", "cli imports nodes"),
        ("guidance/a.py", "import comfy.utils", "only nodes know ComfyUI"),
        ("cli.py", "from folder_paths import x", "only nodes know ComfyUI"),
        ("sinddm/a.py", "import comfyui_sinddm_rs.rasters", "absolute import"),
        ("sinddm/a.py", "from rasters import files", "absolute import"),
        ("sinddm/a.py", "import pickle", "pickle"),
        ("nodes/a.py", "from subprocess import run", "subprocess"),
        ("sinddm/a.py", "x = eval('1')", "eval"),
        ("sinddm/a.py", "import os\nos.system('ls')", "os.system"),
        ("nodes/a.py", "import os\nos.environ['A'] = 'b'", "environment"),
        ("guidance/a.py", "import os\nos.environ.setdefault('A', 'b')", "environment"),
        ("guidance/a.py", "import os\ndel os.environ['A']", "environment"),
        ("sinddm/a.py", "torch.load('x')", "weights_only"),
        ("sinddm/a.py", "torch.load('x', weights_only=False)", "weights_only"),
        ("sinddm/a.py", "torch.manual_seed(0)", "torch.manual_seed"),
        ("sinddm/a.py", "with torch.random.fork_rng():\n    f()\ntorch.manual_seed(0)", "torch.manual_seed"),
        ("sinddm/a.py", "np.random.seed(0)", "np.random.seed"),
        ("sinddm/a.py", "numpy.random.normal()", "numpy.random.normal"),
        ("sinddm/a.py", "import random", "random"),
        ("sinddm/a.py", "torch.randn(3)", "generator"),
        ("sinddm/a.py", "x.uniform_(0, 1)", "generator"),
    ],
)
def test_a_breach_is_noticed(path: str, source: str, complaint: str) -> None:
    assert any(complaint in violation for violation in violations(Path(path), source))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("nodes/a.py", "from ..guidance.editing import edit_image\nfrom comfy.utils import ProgressBar"),
        ("guidance/events/a.py", "from ..masks import m\nfrom ...errors import InputError"),
        ("nodes/a.py", "import os\nos.environ.get('A')\nos.environ['A']"),
        ("cli/a.py", "import os\nos.environ.setdefault('A', 'b')"),
        ("sinddm/a.py", "model.eval()\nrng = np.random.default_rng(3)\nrng.normal()"),
        ("sinddm/a.py", "torch.randn(3, generator=g)\ntorch.load(f, weights_only=True)\nre.compile('x')"),
        ("sinddm/a.py", "with torch.random.fork_rng():\n    torch.manual_seed(3)\n    net = Net()"),
        ("__init__.py", "from .nodes import edit"),
    ],
)
def test_what_is_allowed_passes(path: str, source: str) -> None:
    assert list(violations(Path(path), source)) == []


def violations(path: Path, source: str) -> Iterator[str]:
    """What ``source`` would break as the file ``path`` (relative to the root)."""
    layer = path.parts[0].removesuffix(".py")
    tree = ast.parse(source)
    restored = set(_inside_fork_rng(tree))
    for node in ast.walk(tree):
        line = f"line {getattr(node, 'lineno', 0)}: "
        if isinstance(node, ast.ImportFrom) and node.level:
            yield from (line + breach for breach in _relative_breaches(layer, path, node))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from (line + breach for name in names for breach in _absolute_breaches(layer, name.split(".")[0]))
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            yield from (line + breach for breach in _environment_write(ast.unparse(node.value) + "[]"))
        elif isinstance(node, ast.Call):
            yield from (line + breach for breach in _unsafe_call(node))
            if layer != "cli":
                yield from (line + breach for breach in _environment_write(ast.unparse(node.func)))
            if node not in restored:
                yield from (line + breach for breach in _global_random_call(node))


def _inside_fork_rng(tree: ast.AST) -> Iterator[ast.AST]:
    """Calls whose global random state is put back: torch's layers can be seeded in no other way."""
    for block in ast.walk(tree):
        if isinstance(block, ast.With) and any("fork_rng(" in ast.unparse(item) for item in block.items):
            yield from (node for statement in block.body for node in ast.walk(statement))


def _relative_breaches(layer: str, path: Path, node: ast.ImportFrom) -> Iterator[str]:
    package = path.parts[:-1]
    assert node.level - 1 <= len(package), f"{path} imports from above the package"
    target = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
    tops = [part for part in target if part][:1] or [alias.name for alias in node.names]
    yield from (f"{layer} imports {top}" for top in tops if top != layer and top not in MAY_IMPORT[layer])


def _absolute_breaches(layer: str, top: str) -> Iterator[str]:
    if top == PACKAGE or top in set(MAY_IMPORT) - {"__init__"}:
        yield f"absolute import of {top}"
    if top in COMFYUI_MODULES and layer not in ("nodes", "__init__"):
        yield f"{top}: only nodes know ComfyUI"
    if top in UNSAFE_MODULES:
        yield f"{top} is not used here"
    if top == "random":
        yield "random: draw from an explicit generator"


def _unsafe_call(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    if name in UNSAFE_CALLS:
        yield f"{name}() is not used here"
    if name == "torch.load" and "weights_only=True" not in map(ast.unparse, call.keywords):
        yield "torch.load without weights_only=True"


def _environment_write(name: str) -> Iterator[str]:
    """The command may set up its own process; a pack inside ComfyUI must leave its host's environment alone."""
    if name in ("os.putenv", "os.unsetenv") or re.fullmatch(r"os\.environ(\[\]|\.(setdefault|update|pop|clear))", name):
        yield f"{name} changes the host's environment"


def _global_random_call(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    owner, _, last = name.rpartition(".")
    if name in GLOBAL_RANDOM_CALLS:
        yield f"{name}() changes global random state"
    if owner in ("np.random", "numpy.random") and last not in EXPLICIT_NUMPY_RANDOM:
        yield f"{name}() draws from global random state"
    # nn.init and layers draw while a module is built; test_package holds that none of it is left behind.
    fills = last in ("normal_", "uniform_", "bernoulli_", "random_") and not owner.endswith("init")
    draws = owner == "torch" and last in TORCH_DRAWS
    if (fills or draws) and "generator" not in {keyword.arg for keyword in call.keywords}:
        yield f"{name}() without a generator"
