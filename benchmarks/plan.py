"""How much of everything a run does: the full size, a reduced one, and one that only shows that it works."""

import dataclasses
from typing import Final, Literal

from openvoucher.settings import Settings

Size = Literal["smoke", "reduced", "full"]

_DEFAULT_PORTION: Final = Settings().portion_rows


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    size: Size
    repeat: int
    rows: int
    """Codes of a CSV import, a generation, a deletion, and of each of the two imports of two workers."""
    json_rows: int
    base_rows: int
    """Codes that are there before each measurement."""
    growth_sizes: tuple[int, ...]
    growth_rows: int
    memory_bytes: int
    fair_rows: int
    """Codes of each of the ten generations."""
    latency_rows: int
    """Codes of each of the three generations that run meanwhile."""
    latency_seconds: float
    portion_sizes: tuple[int, ...]


SMOKE: Final = Plan(
    size="smoke",
    repeat=1,
    rows=2_000,
    json_rows=2_000,
    base_rows=500,
    growth_sizes=(500, 2_000),
    growth_rows=2_000,
    memory_bytes=2_000_000,
    fair_rows=2_000,
    latency_rows=20_000,
    latency_seconds=0.3,
    portion_sizes=(_DEFAULT_PORTION,),
)
REDUCED: Final = Plan(
    size="reduced",
    repeat=3,
    rows=100_000,
    json_rows=100_000,
    base_rows=10_000,
    growth_sizes=(10_000, 100_000, 1_000_000),
    growth_rows=50_000,
    memory_bytes=100_000_000,
    fair_rows=30_000,
    latency_rows=300_000,
    latency_seconds=4.0,
    portion_sizes=tuple(sorted({1_000, _DEFAULT_PORTION, 5_000, 20_000})),
)
FULL: Final = dataclasses.replace(
    REDUCED,
    size="full",
    repeat=5,
    rows=1_000_000,
    growth_sizes=(10_000, 100_000, 1_000_000, 10_000_000),
    growth_rows=1_000_000,
    memory_bytes=1_000_000_000,
    fair_rows=1_000_000,
    latency_rows=2_000_000,
    latency_seconds=20.0,
)
