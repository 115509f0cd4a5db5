"""What comes of a run: lines of a table, and the same for machines."""

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any

_HEADS = ("subject", "ours", "limit", "figure", "target", "met")


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One line of the table. met: None where nothing was promised. raw: all that was measured."""

    subject: str
    ours: str
    limit: str
    figure: str
    target: str
    met: bool | None
    raw: dict[str, Any]


def compare(
    subject: str, rows: int, *, ours: Sequence[float], limit: Sequence[float], least: float | None
) -> Line:
    """Seconds of both sides, round by round. The ratio is that of their speeds: 1 is as fast as the limit."""
    ratios = [theirs / own for own, theirs in zip(ours, limit, strict=True)]
    return Line(
        subject,
        _show_speed(rows, ours),
        _show_speed(rows, limit),
        _show_spread(ratios),
        "" if least is None else f">= {least}",
        None if least is None else statistics.median(ratios) >= least,
        {"rows": rows, "ours_seconds": list(ours), "limit_seconds": list(limit), "ratios": ratios},
    )


def show_copies(subject: str, rows: int, seconds: Sequence[float]) -> Line:
    """A bare COPY with nothing of ours beside it."""
    raw = {"rows": rows, "limit_seconds": list(seconds)}
    return Line(subject, "", _show_speed(rows, seconds), "", "", None, raw)


def hold_below(
    subject: str,
    values: Sequence[float],
    *,
    unit: str,
    most: float | None,
    worst: bool = False,
    ours: str = "",
) -> Line:
    """Values that should be small: the median of them counts, with `worst` the largest."""
    counts = max(values) if worst else statistics.median(values)
    return Line(
        subject,
        ours,
        "",
        _show_spread(values, unit),
        "" if most is None else f"{'each' if worst else ''} <= {most:g}{unit}".strip(),
        None if most is None else counts <= most,
        {"values": list(values), "unit": unit.strip()},
    )


def hold_above(subject: str, values: Sequence[float], *, unit: str, least: float, ours: str = "") -> Line:
    return Line(
        subject,
        ours,
        "",
        _show_spread(values, unit),
        f"> {least:g}{unit}",
        statistics.median(values) > least,
        {"values": list(values), "unit": unit.strip()},
    )


def tell(subject: str, text: str, **raw: Any) -> Line:
    """Something that explains the figures above it."""
    return Line(f"  {subject}", text, "", "", "", None, raw)


def show_table(lines: Sequence[Line], *, judge: bool) -> str:
    """`judge`: say which targets were met."""
    cells = [_HEADS]
    for line in lines:
        met = {True: "yes", False: "NO", None: ""}[line.met] if judge else ""
        cells.append((line.subject, line.ours, line.limit, line.figure, line.target, met))
    # A line that only explains has one long text, over all columns.
    plain = [row for row in cells if row[0][:1] != " "]
    widths = [max(len(row[column]) for row in plain) for column in range(len(_HEADS))]
    shown = []
    for row in cells:
        if row in plain:
            shown.append(
                "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            )
        else:
            shown.append(f"{row[0]}: {row[1]}")
    shown.insert(1, "-" * (sum(widths) + 2 * len(widths) - 2))
    return "\n".join(shown)


def as_builtins(line: Line) -> dict[str, Any]:
    shown = dataclasses.asdict(line)
    return {**shown, "subject": line.subject.strip()}


def _show_speed(rows: int, seconds: Sequence[float]) -> str:
    middle = statistics.median(seconds)
    return f"{middle:.2f} s {rows / middle:,.0f}/s"


def _show_spread(values: Sequence[float], unit: str = "") -> str:
    digits = 0 if statistics.median(values) >= 100 else 2
    middle = f"{statistics.median(values):.{digits}f}{unit}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):.{digits}f}-{max(values):.{digits}f})"
