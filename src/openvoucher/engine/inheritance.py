"""What a code inherits from its campaign, and which of its own values stand against it.

A campaign's values are numbered by revisions: 0 at creation, one more with each update. A code stores only
what was set on it, and the revision that the campaign had at that time. That is enough to see the campaign's
updates as if each had been written into every code, without writing a single one: the later of the two
writes wins, field by field, and within `metadata` key by key.

Vocabulary of all functions here:

- `inherited`: the campaign's values at the revision that the code follows, with `metadata` as a mapping;
- `sent`: for each field the last revision whose update sent it, `metadata.<key>` for a metadata key whether
  set or removed; a field that no update sent is absent;
- `own`: what was set on the code; None as a value clears a field, and is an ordinary value of a metadata key;
- `own_revision`: the campaign's revision when `own` was last written.

A code that no longer follows its campaign is read with `inherited` and `sent` of the revision it is bound to.
"""

from collections.abc import Mapping
from typing import Any

_METADATA = "metadata"


def live_overrides(
    own: Mapping[str, Any] | None, own_revision: int, sent: Mapping[str, int]
) -> dict[str, Any]:
    """The part of `own` that no update of the campaign has replaced since; `metadata` only if a key is left.

    A writer that adds to a code's own values adds to these and stores the campaign's present revision with
    them: the dead values would come back to life under the newer number.
    """
    live = {
        field: value
        for field, value in (own or {}).items()
        if field != _METADATA and own_revision >= sent.get(field, 0)
    }
    metadata = {
        key: value
        for key, value in ((own or {}).get(_METADATA) or {}).items()
        if own_revision >= sent.get(f"{_METADATA}.{key}", 0)
    }
    if metadata:
        live[_METADATA] = metadata
    return live


def effective_fields(
    inherited: Mapping[str, Any], sent: Mapping[str, int], own: Mapping[str, Any] | None, own_revision: int
) -> dict[str, Any]:
    """The values that hold for a code: the campaign's with the code's live ones laid over them.

    `metadata` is always there. The dictionary and its metadata are new; other values are shared, not copied.
    """
    live = live_overrides(own, own_revision, sent)
    metadata = {**(inherited.get(_METADATA) or {}), **live.get(_METADATA, {})}
    return {**inherited, **live, _METADATA: metadata}
