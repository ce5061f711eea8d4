"""The shape of the library: who imports whom, how long files are, and where state may lie."""

import ast
import itertools
import sys
from pathlib import Path

import pytest

import fnn

ROOT = Path(fnn.__file__).parent
MODULES = {
    ".".join(("fnn", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}

# From the bottom up: a module imports from the floors below, and from its own part.
FLOORS = [
    {"errors"},
    {"arrays", "tree", "keys"},
    {"files", "kernels", "optim", "losses"},
    {"layers", "data", "handwriting", "metrics"},
    {"train", "check", "summary", "models"},
    {"recognizer", "shards"},
    {"mpi", "training", "serve", "export"},
    {"plots"},
    {"cli"},
    {"__main__"},
]
FLOOR = {part: i for i, parts in enumerate(FLOORS) for part in sorted(parts)}

NEVER = [
    *(("fnn.kernels", part) for part in ("fnn.layers", "fnn.train", "fnn.data")),
    *((f"fnn.{part}", "fnn.layers") for part in ("files", "data", "handwriting")),
    ("fnn.training", "fnn.cli"),
    *((f"fnn.{part}", "argparse") for part in FLOOR if part != "cli"),
    *((f"fnn.{part}", "matplotlib") for part in FLOOR if part not in ("cli", "plots")),
    *((f"fnn.{part}", "tqdm") for part in FLOOR if part not in ("cli", "data")),
    *((f"fnn.{part}", "onnx") for part in FLOOR if part != "export"),
]

STATEFUL = {"fnn.kernels.threads", "fnn.kernels.memory"}  # the contract names them


def imported(name: str) -> set[str]:
    """The modules that a module imports, wherever the import stands in it."""
    found = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                found.add(below if below in MODULES else node.module)
    return found


def part_of(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def test_every_part_has_a_floor():
    assert {part_of(name) for name in MODULES} - {""} == set(FLOOR)


@pytest.mark.parametrize("name", [name for name in MODULES if name != "fnn"])
def test_nothing_imports_upward(name):
    mine = part_of(name)
    for other in imported(name) & set(MODULES):
        # the version is a literal at the top of the face
        if other != "fnn" and part_of(other) != mine:
            assert FLOOR[part_of(other)] < FLOOR[mine], f"{name} imports {other}"


def test_nothing_imports_in_a_circle():
    edges = {name: imported(name) & set(MODULES) - {"fnn", name} for name in MODULES}
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    left = {name: {o for o in others if o not in packages} for name, others in edges.items()}
    while ready := [name for name, others in left.items() if not others & set(left)]:
        for name in ready:
            del left[name]
    assert not left


@pytest.mark.parametrize(("package", "other"), NEVER, ids=" ".join)
def test_what_is_never_imported(package, other):
    for name in MODULES:
        if within(name, package):
            assert not any(within(module, other) for module in imported(name)), name


def test_files_are_short_and_few_lie_loose():
    lines = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert not {name: n for name, n in lines.items() if n > 250}
    # 9,900, and for training on many processes 900, against mistakes and lost work 1,300, for
    # checks that see what is wrong 950, for pictures and other formats of data 1,000, for layers
    # of today's networks 1,150, for networks that describe themselves 1,100, for a page to draw on
    # 600, for commands that explain, complete and report themselves to other programs 650, for
    # drawing as a library 300, for networks in other programs' format 1,100, for photos of all
    # kinds 550, and for the accuracy of recipes 300
    assert sum(lines.values()) < 20000
    assert sum(n for name, n in lines.items() if within(name, "fnn.cli")) < 3070
    assert len(list(ROOT.glob("*.py"))) <= 12
    assert sum(len(path.read_text().splitlines()) for path in (ROOT / "web").iterdir()) < 200
    assert all(len(path.read_text().splitlines()) == 5 for path in (ROOT.parent / "bin").iterdir())


MUTATORS = {
    *("append", "extend", "insert", "add", "update", "pop", "popitem", "remove", "discard"),
    *("clear", "setdefault", "sort", "reverse", "appendleft", "acquire", "set", "put"),
}


def names_at_the_top(tree: ast.Module) -> set[str]:
    targets = [
        target
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    return {
        node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)
    }


def root_of(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def changes(tree: ast.Module) -> list[str]:
    """Where functions keep something in the module: caches, globals, writes into its names."""
    top, found = names_at_the_top(tree), []
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.Lambda):
            continue
        own = {arg.arg for arg in ast.walk(function) if isinstance(arg, ast.arg)}
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                found.append(f"global, line {node.lineno}")
            targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else []
            targets = [node.target] if isinstance(node, ast.AugAssign) else targets
            written = [t for t in targets if isinstance(t, ast.Subscript | ast.Attribute)]
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                written += [node.func.value] * (node.func.attr in MUTATORS)
            found += [f"{root_of(t)}, line {t.lineno}" for t in written if root_of(t) in top - own]
        for decorator in getattr(function, "decorator_list", []):
            if "cache" in ast.unparse(decorator):
                found.append(f"@{ast.unparse(decorator)}, line {function.lineno}")
    for node in tree.body:
        if "threading.local" in ast.unparse(node):
            found.append(f"threading.local, line {node.lineno}")
    return found


@pytest.mark.parametrize("name", MODULES)
def test_no_module_keeps_state(name):
    assert name in STATEFUL or not changes(TREES[name])


@pytest.mark.parametrize(
    "code",
    [
        "from functools import cache\n@cache\ndef f(): pass",
        "seen = {}\ndef f(x): seen[x] = 1",
        "seen = []\ndef f(x): seen.append(x)",
        "n = 0\ndef f():\n    global n\n    n += 1",
        "class Kept(threading.local): pass",
        "options = Options()\ndef f(x): options.n = x",
    ],
)
def test_state_would_be_found(code):
    assert changes(ast.parse(code))


def test_a_training_step_changes_no_module():
    def containers():
        modules = {name: sys.modules[name] for name in MODULES if name in sys.modules}
        return {
            (name, key): repr(value)
            for name, module in modules.items()
            for key, value in vars(module).items()
            if isinstance(value, dict | list | set) and not key.startswith("__")
        }

    net = fnn.serial(fnn.conv(4), fnn.batch_norm(), fnn.relu(), fnn.flatten(), fnn.dense(10))
    split = fnn.open_data("digits", "test").data
    job = fnn.training.Job(net, fnn.adam(), type(split)(*(a[:200] for a in split)), epochs=1)
    before = containers()
    for _ in itertools.islice(fnn.training.train(job), 3):
        pass
    assert len(before) > 20
    assert containers() == before
