"""Rules of the tree that import-linter cannot say.

Each rule is a function from the root of a tree to its violations, one line each. It is held against this
tree, which must have none, and against a small tree with planted violations, which must all be reported: a
rule that finds nothing because it looks at nothing would be worse than none.
"""

import ast
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

MAX_LINES = 450
MIRRORED_PACKAGES = ("engine", "wire", "platform")
# What one feature may import of another: use cases and wire; of vouchers also many at once, of terms the
# SQL expressions for lists.
FEATURE_ENTRANCES = ("service", "schemas", "batches", "columns")
NAMES_THAT_SAY_NOTHING = re.compile(r"(?:\w+_)?(?:utils?|helpers?|managers?|base)")

# Modules without a test file of their own: path under src/openvoucher -> what tests them instead. A folder
# ("platform/x/") stands for all modules in it.
TESTED_ELSEWHERE: dict[str, str] = {
    "platform/call.py": "declarations only",
    "platform/db/conditions/": "tests/platform/db/test_conditions.py compiles and runs every operator",
}

# The names are put together here so that this file does not hold what it looks for.
REGISTRY_HOST = re.compile(
    r"\b(?:[\w-]+\.)*(?:pypi|pythonhosted|npmjs|yarnpkg|debian|crates|golang)\.(?:org|com|io)\b"
)
REGISTRY_OPTION = re.compile(r"^\s*--(?:index-url|extra-index-url|find-links|trusted-host)\b")
MACHINE_PATH = re.compile(r"(?<![\w./:}~-])/(?:root|home|Users|work|tmp)/\w")

# Only looked at where git does not say which files belong to the tree (an unpacked archive).
NOT_OURS = frozenset({".git", ".hypothesis", "build", "dist", "htmlcov", "node_modules"})


def python_files(root: Path, *parts: str) -> list[Path]:
    return sorted(root.joinpath(*parts).rglob("*.py"))


def relative_name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def read_text(path: Path) -> str | None:
    """None for a file that is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def find_long_files(root: Path) -> list[str]:
    found = []
    for path in sorted((root / "src" / "openvoucher").rglob("*")):
        if path.is_file() and path.suffix != ".pyc" and (text := read_text(path)) is not None:
            lines = len(text.splitlines())
            if lines > MAX_LINES:
                found.append(f"{relative_name(path, root)}: {lines} lines")
    return found


def has_code_of_its_own(path: Path) -> bool:
    """False for an __init__.py that only says what the package means and passes names on."""
    if path.name != "__init__.py":
        return True
    defining = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(isinstance(node, defining) for node in ast.parse(path.read_text(encoding="utf-8")).body)


def find_modules_without_tests(root: Path, tested_elsewhere: Mapping[str, str]) -> list[str]:
    """Modules of the mirrored packages without a test file, and entries of the list without a use."""
    source = root / "src" / "openvoucher"
    found: list[str] = []
    used: set[str] = set()
    for package in MIRRORED_PACKAGES:
        for path in python_files(source, package):
            if not has_code_of_its_own(path):
                continue
            module = relative_name(path, source)
            name = path.parent.name if path.name == "__init__.py" else path.stem
            test = root / "tests" / path.parent.relative_to(source) / f"test_{name}.py"
            if test.is_file():
                continue
            entries = {module, f"{relative_name(path.parent, source)}/"} & tested_elsewhere.keys()
            used |= entries
            if not entries:
                found.append(f"{module}: no {relative_name(test, root)}")
    for entry, reason in sorted(tested_elsewhere.items()):
        if entry not in used:
            found.append(f"{entry}: listed without need")
        elif not reason.strip():
            found.append(f"{entry}: listed without a reason")
    return found


def imported_names(path: Path, source: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of all that a module imports; `from a import b` gives a.b."""
    package = ("openvoucher", *path.parent.relative_to(source).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            origin = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*origin, *([node.module] if node.module else [])))
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"


def find_imports_past_the_entrance(root: Path) -> list[str]:
    """Imports of another feature's insides: features meet at `service` and `schemas` only."""
    source = root / "src" / "openvoucher"
    found = []
    for path in python_files(source, "features"):
        feature = path.relative_to(source / "features").parts[0]
        for line, name in imported_names(path, source):
            match name.split("."):
                case ["openvoucher", "features", other, *rest] if other != feature:
                    if not rest or rest[0] not in FEATURE_ENTRANCES:
                        found.append(f"{relative_name(path, root)}:{line}: {name}")
    return found


def find_names_that_say_nothing(root: Path) -> list[str]:
    found = []
    for path in [*python_files(root, "src", "openvoucher"), *python_files(root, "tests")]:
        name = path.parent.name if path.name == "__init__.py" else path.stem
        if NAMES_THAT_SAY_NOTHING.fullmatch(name):
            found.append(relative_name(path, root))
    return found


def files_of_the_tree(root: Path) -> list[Path]:
    """All files that are committed or would be; without git all that do not look made."""
    listing = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        answer = subprocess.run(listing, capture_output=True, check=True, text=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return sorted(
            path
            for path in root.rglob("*")
            if path.is_file() and not any(is_made(part) for part in path.relative_to(root).parts)
        )
    listed = (root / name for name in answer.stdout.split("\0") if name)
    return sorted(path for path in listed if path.is_file())


def is_made(part: str) -> bool:
    return (
        part in NOT_OURS
        or part.startswith((".venv", "__pycache__"))
        or part.endswith(("_cache", ".egg-info"))
    )


def find_traces_of_a_machine(root: Path) -> list[str]:
    """Registry hosts, registry options and absolute paths of the machine on which somebody worked."""
    found = []
    for path in files_of_the_tree(root):
        for number, line in enumerate((read_text(path) or "").splitlines(), start=1):
            for pattern in (REGISTRY_HOST, REGISTRY_OPTION, MACHINE_PATH):
                if match := pattern.search(line):
                    found.append(f"{relative_name(path, root)}:{number}: {match[0].strip()}")
    return found


def plant(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_the_rules_look_at_this_tree() -> None:
    names = {relative_name(path, ROOT) for path in files_of_the_tree(ROOT)}
    assert {"pyproject.toml", "requirements/runtime.txt", "src/openvoucher/__init__.py"} <= names
    assert not [name for name in names if name.startswith((".git/", ".venv"))]
    assert all(python_files(ROOT, "src", "openvoucher", package) for package in MIRRORED_PACKAGES)


def test_no_file_is_too_long_to_be_read_at_a_sitting() -> None:
    assert find_long_files(ROOT) == []


def test_a_file_with_a_line_too_many_is_found(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "src/openvoucher/engine/just.py": "x = 1\n" * MAX_LINES,
            "src/openvoucher/engine/over.py": "x = 1\n" * (MAX_LINES + 1),
            "src/openvoucher/migrations/0001_all.sql": "select 1;\n" * 1_000,
        },
    )
    assert find_long_files(tmp_path) == [
        "src/openvoucher/engine/over.py: 451 lines",
        "src/openvoucher/migrations/0001_all.sql: 1000 lines",
    ]


def test_engine_wire_and_platform_are_mirrored_by_their_tests() -> None:
    assert find_modules_without_tests(ROOT, TESTED_ELSEWHERE) == []


def test_a_module_without_its_test_file_is_found(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "src/openvoucher/engine/__init__.py": '"""Pure."""\n',
            "src/openvoucher/engine/codes.py": "",
            "src/openvoucher/engine/money.py": "",
            "src/openvoucher/platform/db/__init__.py": "def connect() -> None: ...\n",
            "src/openvoucher/platform/db/pool.py": "",
            "src/openvoucher/platform/jobs/queue.py": "",
            "src/openvoucher/platform/jobs/lanes/turns.py": "",
            "src/openvoucher/wire/ids.py": "",
            "src/openvoucher/features/vouchers/store.py": "",
            "tests/engine/test_money.py": "",
            "tests/platform/test_pool.py": "",
        },
    )
    listed = {"platform/jobs/": "test_worker.py runs it", "wire/ids.py": "test_dates.py covers it"}
    assert find_modules_without_tests(tmp_path, listed) == [
        "engine/codes.py: no tests/engine/test_codes.py",
        "platform/db/__init__.py: no tests/platform/db/test_db.py",
        "platform/db/pool.py: no tests/platform/db/test_pool.py",
        "platform/jobs/lanes/turns.py: no tests/platform/jobs/lanes/test_turns.py",
    ]


def test_an_entry_of_the_list_that_is_not_needed_is_found(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "src/openvoucher/engine/codes.py": "",
            "src/openvoucher/wire/ids.py": "",
            "tests/engine/test_codes.py": "",
        },
    )
    listed = {
        "engine/": "all have tests by now",
        "engine/codes.py": "has a test by now",
        "engine/gone.py": "is no more",
        "wire/ids.py": " ",
    }
    assert find_modules_without_tests(tmp_path, listed) == [
        "engine/: listed without need",
        "engine/codes.py: listed without need",
        "engine/gone.py: listed without need",
        "wire/ids.py: listed without a reason",
    ]


def test_features_meet_at_their_entrances_only() -> None:
    assert find_imports_past_the_entrance(ROOT) == []


def test_an_import_past_the_entrance_is_found(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "src/openvoucher/features/campaigns/service.py": (
                "import openvoucher.features.vouchers.jobs\n"
                "from openvoucher.features import vouchers\n"
                "from openvoucher.features.campaigns import store\n"
                "from openvoucher.features.vouchers import schemas, service, store as rows\n"
                "from openvoucher.features.vouchers.service import redeem\n"
                "from openvoucher.features.vouchers.store import lock_voucher\n"
                "from . import store\n"
                "from .store import load_campaign\n"
                "from ..vouchers import routes\n"
                "from ..vouchers.service import redeem\n"
                "def later() -> None:\n"
                "    from openvoucher.features.vouchers import store\n"
            ),
        },
    )
    path = "src/openvoucher/features/campaigns/service.py"
    assert find_imports_past_the_entrance(tmp_path) == [
        f"{path}:1: openvoucher.features.vouchers.jobs",
        f"{path}:2: openvoucher.features.vouchers",
        f"{path}:4: openvoucher.features.vouchers.store",
        f"{path}:6: openvoucher.features.vouchers.store.lock_voucher",
        f"{path}:9: openvoucher.features.vouchers.routes",
        f"{path}:12: openvoucher.features.vouchers.store",
    ]


def test_every_module_has_a_name_that_says_something() -> None:
    assert find_names_that_say_nothing(ROOT) == []


def test_a_name_that_says_nothing_is_found(tmp_path: Path) -> None:
    good = [
        "src/openvoucher/engine/database.py",
        "src/openvoucher/engine/managed.py",
        "tests/test_baseline.py",
    ]
    bad = [
        "src/openvoucher/engine/base.py",
        "src/openvoucher/features/vouchers/manager.py",
        "src/openvoucher/platform/helpers/__init__.py",
        "src/openvoucher/wire/date_utils.py",
        "tests/support/helpers.py",
    ]
    plant(tmp_path, dict.fromkeys(good + bad, ""))
    assert find_names_that_say_nothing(tmp_path) == bad


def test_the_tree_holds_no_trace_of_a_machine() -> None:
    assert find_traces_of_a_machine(ROOT) == []


def test_a_trace_of_a_machine_is_found(tmp_path: Path) -> None:
    host, folder = "files.python" + "hosted.org", "/" + "home/ann"
    plant(
        tmp_path,
        {
            ".venv/lib/cache.txt": f"https://{host}\n",
            "Makefile": f"run:\n\t{folder}/bin/python -m openvoucher\n",
            "README.md": "https://example.com/home/ann, /homes, ~/work/x, `--no-emit-index-url`: all fine\n",
            "requirements/runtime.txt": f"--extra-index-url https://{host}/simple\nfalcon==4.4.0\n",
            "src/openvoucher/logo.bin": "",
        },
    )
    (tmp_path / "src/openvoucher/logo.bin").write_bytes(b"\xff\xfe" + folder.encode())
    assert find_traces_of_a_machine(tmp_path) == [
        f"Makefile:2: {folder[:7]}",
        f"requirements/runtime.txt:1: {host}",
        "requirements/runtime.txt:1: --extra-index-url",
    ]
