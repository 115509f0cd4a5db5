"""Settings: one object, unknown variables refused, each variable documented."""

import inspect

import pytest

from openvoucher import settings as module
from openvoucher.settings import InvalidSettings, Settings, read_settings


def test_without_variables_the_defaults_hold() -> None:
    assert read_settings({"HOME": "/", "PATH": ""}) == Settings()


def test_variables_are_read_by_the_kind_of_their_field() -> None:
    read = read_settings({"OPENVOUCHER_PORT": "9000", "OPENVOUCHER_ALLOW_UNSAFE_DATABASE": "true"})
    assert (read.port, read.allow_unsafe_database) == (9000, True)


def test_the_command_line_wins_where_it_says_something() -> None:
    environment = {"OPENVOUCHER_PORT": "9000", "OPENVOUCHER_HOST": "0.0.0.0"}  # noqa: S104
    read = read_settings(environment, port=9001, host=None)
    assert (read.port, read.host) == (9001, "0.0.0.0")  # noqa: S104


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"OPENVOUCHER_PROT": "1"}, "OPENVOUCHER_PROT is not a setting"),
        ({"OPENVOUCHER_PORT": "many"}, "OPENVOUCHER_PORT='many'"),
        ({"OPENVOUCHER_APP_ID": "a"}, "OPENVOUCHER_APP_ID and OPENVOUCHER_APP_TOKEN go together"),
        ({"OPENVOUCHER_PORTION_ROWS": "0"}, "OPENVOUCHER_PORTION_ROWS must be 1 to 50000"),
    ],
)
def test_a_wrong_variable_stops_the_start_by_its_name(environment: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidSettings, match=said):
        read_settings(environment)


def test_every_setting_says_what_it_means() -> None:
    source = inspect.getsource(module)
    for field in Settings.__struct_fields__:
        line = source.index(f"\n    {field}: ")
        following = source[line + 1 :].split("\n", 2)[1]
        assert following.strip().startswith('"""'), f"{field} has no description"
