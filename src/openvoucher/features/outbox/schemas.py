"""Events as they are written and read."""

import dataclasses
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """What happened. `customer_id`, `campaign_id`: whom and what it is about, if anybody.

    `data` goes to the subscribers as it is (JSON): the payload's keys but those that they look up.
    """

    type: str
    customer_id: UUID | None = None
    campaign_id: UUID | None = None
    data: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event as subscribers get it. `source`: `{channel, user, api_key}` as the wire shows it;
    `group_id`: the id of the request that it came from.
    `tries`: how often telling it has failed."""

    project_id: int
    id: UUID
    type: str
    customer_id: UUID | None
    campaign_id: UUID | None
    data: dict[str, Any]
    source: dict[str, Any]
    group_id: str
    created_at: datetime
    tries: int
