"""The contracts of import-linter, held against a small tree with one planted violation each.

A contract whose names no longer match anything is kept by every tree; here each of them must break.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SKELETON = {
    "app.py": "import falcon\nfrom openvoucher.features.vouchers import routes\n",
    "cli/__init__.py": "from openvoucher import app\n",
    "engine/__init__.py": "",
    "engine/codes.py": "from datetime import datetime\n",
    "features/__init__.py": "",
    "features/campaigns/__init__.py": "",
    "features/campaigns/service.py": "from openvoucher.features.vouchers import service\n",
    "features/vouchers/__init__.py": "",
    "features/vouchers/jobs.py": "from openvoucher.features.vouchers import service\n",
    "features/vouchers/routes.py": "import falcon\nfrom openvoucher.features.vouchers import service\n",
    "features/vouchers/schemas.py": "from openvoucher.wire import ids\n",
    "features/vouchers/service.py": (
        "from openvoucher.engine import codes\nfrom openvoucher.features.vouchers import schemas, store\n"
    ),
    "features/vouchers/store.py": "import asyncpg\nfrom openvoucher.platform.db import pool\n",
    "platform/__init__.py": "",
    "platform/db/__init__.py": "",
    "platform/db/pool.py": "import asyncpg\nfrom openvoucher import settings\n",
    "platform/http/__init__.py": "import falcon\nfrom openvoucher.wire import ids\n",
    "platform/jobs/__init__.py": "import asyncpg\n",
    "settings.py": "",
    "wire/__init__.py": "",
    "wire/ids.py": "",
    "__init__.py": "",
}

# (module, what it imports against the rules, the contract that must break)
VIOLATIONS = [
    ("app.py", "openvoucher.cli", "layers"),
    ("platform/db/pool.py", "openvoucher.features.vouchers.service", "layers"),
    ("platform/db/pool.py", "openvoucher.engine.codes", "layers"),
    ("wire/ids.py", "openvoucher.platform.db", "layers"),
    ("wire/ids.py", "openvoucher.engine.codes", "layers"),
    ("brand_new.py", "dataclasses", "layers"),
    ("engine/codes.py", "openvoucher.wire.ids", "engine-is-pure"),
    ("engine/codes.py", "openvoucher.settings", "engine-is-pure"),
    ("engine/codes.py", "time", "engine-is-pure"),
    ("engine/codes.py", "os.path", "engine-is-pure"),
    ("engine/codes.py", "msgspec", "engine-is-pure"),
    ("features/vouchers/store.py", "openvoucher.features.vouchers.schemas", "inside-a-feature"),
    ("features/vouchers/schemas.py", "openvoucher.features.vouchers.service", "inside-a-feature"),
    ("features/vouchers/service.py", "openvoucher.features.vouchers.routes", "inside-a-feature"),
    ("features/vouchers/jobs.py", "openvoucher.features.vouchers.routes", "inside-a-feature"),
    ("features/vouchers/service.py", "openvoucher.features.campaigns.service", "between-features"),
    ("features/brand_new.py", "dataclasses", "between-features"),
    ("features/vouchers/service.py", "asyncpg", "sql-only-in-stores"),
    ("platform/http/__init__.py", "asyncpg", "sql-only-in-stores"),
    ("features/vouchers/service.py", "falcon", "http-only-at-the-edge"),
    ("features/vouchers/store.py", "falcon", "http-only-at-the-edge"),
    ("features/vouchers/schemas.py", "falcon", "http-only-at-the-edge"),
]


def broken_contracts(folder: Path, extra: tuple[str, str] | None = None) -> set[str]:
    """Ids of the contracts of pyproject.toml that break on the skeleton with one more import."""
    files = dict(SKELETON)
    if extra:
        module, imported = extra
        files[module] = files.get(module, "") + f"import {imported}\n"
    for name, text in files.items():
        path = folder / "openvoucher" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(pyproject)["tool"]["importlinter"]["contracts"]
    (folder / "pyproject.toml").write_text(
        pyproject[pyproject.index("[tool.importlinter]") :], encoding="utf-8"
    )
    # The skeleton stands in for the installed package: its folder comes first on the path.
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(folder)], cwd=folder, capture_output=True, text=True, check=False
    )
    report = " ".join(answer.stdout.split())
    broken = {contract["id"] for contract in contracts if f"{contract['name']} BROKEN" in report}
    counts = f"Contracts: {len(contracts) - len(broken)} kept, {len(broken)} broken."
    assert counts in report, answer.stdout + answer.stderr
    return broken


@pytest.mark.slow
def test_a_tree_that_follows_the_rules_breaks_no_contract(tmp_path: Path) -> None:
    assert broken_contracts(tmp_path) == set()


@pytest.mark.slow
@pytest.mark.parametrize(("module", "imported", "contract"), VIOLATIONS)
def test_an_import_against_the_rules_breaks_its_contract(
    tmp_path: Path, module: str, imported: str, contract: str
) -> None:
    assert contract in broken_contracts(tmp_path, (module, imported))
