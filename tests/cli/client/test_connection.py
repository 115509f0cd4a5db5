import argparse
from pathlib import Path

import pytest

from openvoucher.cli.client.connection import Connection, add_connection_options, choose_connection
from openvoucher.cli.options import CommandFailed
from openvoucher.settings import InvalidSettings

ENVIRONMENT = {"OPENVOUCHER_APP_ID": "env-id", "OPENVOUCHER_APP_TOKEN": "env-secret"}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "APP_ID", "APP_TOKEN", "DATA_DIR", "PORT", "HOST"):
        monkeypatch.delenv(f"OPENVOUCHER_{name}", raising=False)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data folder with the keys of the server on this machine."""
    text = "OPENVOUCHER_APP_ID=kept-id\nOPENVOUCHER_APP_TOKEN=kept=secret\nOPENVOUCHER_CLIENT_ID=other\n"
    (tmp_path / "keys.env").write_text(text, "utf-8")
    return tmp_path


def choose(*words: str) -> Connection:
    parser = argparse.ArgumentParser()
    add_connection_options(parser)
    return choose_connection(parser.parse_args(words))


def test_without_anything_it_is_the_server_on_this_machine_with_the_kept_keys(data_dir: Path) -> None:
    assert choose("--data-dir", str(data_dir)) == Connection(
        "http://127.0.0.1:8000", "kept-id", "kept=secret"
    )


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({"PORT": "9000"}, "http://127.0.0.1:9000"),
        ({"HOST": "0.0.0.0"}, "http://127.0.0.1:8000"),  # noqa: S104
        ({"HOST": "::1", "PORT": "81"}, "http://[::1]:81"),
        ({"URL": "https://promo.example.com/"}, "https://promo.example.com"),
        ({"URL": "https://promo.example.com/api/v1/", "PORT": "9000"}, "https://promo.example.com/api"),
    ],
)
def test_the_address_follows_the_settings(
    variables: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        **{f"OPENVOUCHER_{name}": text for name, text in variables.items()},
        **ENVIRONMENT,
    }.items():
        monkeypatch.setenv(name, value)
    assert choose() == Connection(url, "env-id", "env-secret")


def test_an_option_wins_over_the_environment(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"OPENVOUCHER_URL": "http://a.example", **ENVIRONMENT}.items():
        monkeypatch.setenv(name, value)
    chosen = choose("--url", "https://b.example", "--keys-file", str(data_dir / "keys.env"))
    assert chosen == Connection("https://b.example", "kept-id", "kept=secret")


def test_keys_of_the_data_folder_are_never_sent_to_another_machine(data_dir: Path) -> None:
    with pytest.raises(CommandFailed, match=r"No keys for https://api\.example: .* this machine only"):
        choose("--url", "https://api.example", "--data-dir", str(data_dir))
    for local in ("http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1", "http://127.8.8.8:1"):
        assert choose("--url", local, "--data-dir", str(data_dir)).app_id == "kept-id"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("OPENVOUCHER_APP_ID=a\n", "lacks OPENVOUCHER_APP_ID or OPENVOUCHER_APP_TOKEN"),
        ("OPENVOUCHER_APP_ID=a\nOPENVOUCHER_APP_TOKEN=\n", "lacks OPENVOUCHER_APP_ID or"),
        ("", "lacks OPENVOUCHER_APP_ID or"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_keys_file_without_both_halves_is_refused(text: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "some.env"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(CommandFailed, match=said):
        choose("--keys-file", str(path))


def test_without_keys_it_says_where_they_could_come_from(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=f"There is no {tmp_path}/keys.env"):
        choose("--data-dir", str(tmp_path))


@pytest.mark.parametrize(
    "url",
    [
        "promo.example.com",
        "ftp://a.example",
        "http://",
        "https://a.example?x=1",
        "http://a:99999",
        "http://[",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidSettings, match="is an address like"):
        choose("--url", url)


def test_an_address_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(InvalidSettings) as refused:
        choose("--url", "https://ann:hidden@a.example")
    assert "hidden" not in str(refused.value)


def test_the_secret_is_in_no_text_of_a_connection() -> None:
    assert "s3cret" not in repr(Connection("https://a.example", "id", "s3cret"))


@pytest.mark.parametrize(
    ("url", "readable"),
    [("http://a.example", True), ("https://a.example", False), ("http://127.0.0.1:8000", False)],
)
def test_keys_are_readable_on_the_way_to_other_machines_without_tls(url: str, readable: bool) -> None:
    assert Connection(url, "id", "secret").is_readable_on_the_way is readable
