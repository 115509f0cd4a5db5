"""All settings: one frozen object, read once from the environment.

Each variable is a field here: OPENVOUCHER_ and the field's name in capitals. An unknown
OPENVOUCHER_ variable stops the start, so that a misspelt one is not silently without effect.
"""

from collections.abc import Mapping
from typing import Any, get_type_hints

import msgspec

PREFIX = "OPENVOUCHER_"


class InvalidSettings(ValueError):
    """A variable is unknown or its value cannot be read; the text names it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    host: str = "127.0.0.1"
    """Address to listen on. 0.0.0.0 for all."""
    port: int = 8000
    """TCP port of the API."""
    workers: int = 1
    """API processes."""
    public_url: str = ""
    """How clients reach this server (https://promo.example.com); empty: taken from each request."""
    data_dir: str = ""
    """Folder of the embedded database and of the generated keys; empty: the platform's user data folder
    (as root: /var/lib/openvoucher)."""
    database_url: str = ""
    """postgresql://… of a PostgreSQL (14 or newer) to use instead of the embedded one."""
    postgres_bin_dir: str = ""
    """Folder with initdb and postgres to use for the embedded database instead of the wheel's."""
    allow_unsafe_database: bool = False
    """Start though the database has fsync, full_page_writes or synchronous_commit off."""
    pool_size: int = 10
    """Database connections of each process."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""
    log_format: str = "text"
    """text for people, json for machines: one object a line."""

    url: str = ""
    """The API that `openvoucher import`, `generate` and `actions` speak to; empty: the server on this
    machine, at `port`. The original service's address works, too."""

    app_id: str = ""
    """Server side key, public half; with app_token. Empty: made at the first start."""
    app_token: str = ""
    """Server side key, secret half."""
    client_id: str = ""
    """Client side key, public half; with client_token."""
    client_token: str = ""
    """Client side key, secret half."""
    management_id: str = ""
    """Management key, public half; with management_token."""
    management_token: str = ""
    """Management key, secret half."""

    max_body_bytes: int = 10_485_760
    """Largest JSON body (the original's limit)."""
    max_json_import_bytes: int = 67_108_864
    """Largest body of a JSON import; it is checked as a whole, so it is held in memory."""
    max_csv_import_bytes: int = 0
    """Largest CSV upload; 0: no limit (it streams)."""
    max_codes_per_campaign: int = 0
    """Most codes of one campaign (the original: 100000); 0: no limit."""
    portion_rows: int = 5_000
    """Rows of a bulk portion: one transaction."""
    csv_money_in_major_units: bool = True
    """Money in CSV cells is 10.50 (True) or 1050 (False)."""


def read_settings(environ: Mapping[str, str], **overrides: Any) -> Settings:
    """Settings from the environment; `overrides` (from the command line, None = not given) win.

    Raises InvalidSettings naming the variable.
    """
    hints = get_type_hints(Settings)
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        if not variable.startswith(PREFIX):
            continue
        field = variable[len(PREFIX) :].lower()
        if field not in hints:
            raise InvalidSettings(f"{variable} is not a setting. Known: {', '.join(_known_variables())}")
        values[field] = _parse(variable, text, hints[field])
    values.update({field: value for field, value in overrides.items() if value is not None})
    for first, second in (
        ("app_id", "app_token"),
        ("client_id", "client_token"),
        ("management_id", "management_token"),
    ):
        if bool(values.get(first)) != bool(values.get(second)):
            raise InvalidSettings(f"{PREFIX}{first.upper()} and {PREFIX}{second.upper()} go together")
    if not 1 <= values.get("portion_rows", 1) <= 50_000:
        raise InvalidSettings(f"{PREFIX}PORTION_ROWS must be 1 to 50000")
    return Settings(**values)


def _known_variables() -> list[str]:
    return [PREFIX + field.upper() for field in Settings.__struct_fields__]


def _parse(variable: str, text: str, kind: type) -> Any:
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidSettings(f"{variable}={text!r}: {error}") from None
