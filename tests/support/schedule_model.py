"""Whose turn it is in the queue of jobs, in plain Python: lines in which one stands, and goes to the back.

It knows nothing of times, tables or their order: what the queue's statement sorts, it keeps sorted.
"""

import dataclasses
from collections.abc import Iterator
from typing import Generic, TypeVar

from openvoucher.platform.jobs import Lane

_Member = TypeVar("_Member")


class Line(Generic[_Member]):
    """First who never had a turn, in the order in which they came; then who had it the longest ago."""

    def __init__(self) -> None:
        self._new: list[_Member] = []
        self._served: list[_Member] = []

    def __iter__(self) -> Iterator[_Member]:
        return iter([*self._new, *self._served])

    def join(self, member: _Member) -> None:
        """Once: whoever stands there keeps the place."""
        if member not in self._new and member not in self._served:
            self._new.append(member)

    def note_turn(self, member: _Member) -> None:
        (self._new if member in self._new else self._served).remove(member)
        self._served.append(member)


@dataclasses.dataclass(eq=False)
class PlannedJob:
    """`portions`: how many are left. `held`: a worker has one of them in hand."""

    name: str
    project: int
    lane: Lane
    portions: int
    held: bool = False
    cancelled: bool = False


class Schedule:
    """Cancelled jobs first; else projects take turns, within a project its lanes, within the lane `turns`
    its jobs. The lane `ordered` does one job after the other."""

    def __init__(self) -> None:
        self._projects = Line[int]()
        self._lanes: dict[int, Line[Lane]] = {}
        self._jobs: dict[tuple[int, Lane], list[PlannedJob]] = {}

    def add(self, job: PlannedJob) -> None:
        self._projects.join(job.project)
        self._lanes.setdefault(job.project, Line()).join(job.lane)
        self._jobs.setdefault((job.project, job.lane), []).append(job)

    def list_jobs(self) -> list[PlannedJob]:
        """Those that have not ended."""
        return [job for jobs in self._jobs.values() for job in jobs]

    def list_next(self) -> list[PlannedJob]:
        """Whose turn it is: one job, or any of those that are cancelled; empty: nobody's."""
        cancelled = [job for job in self.list_jobs() if job.cancelled and not job.held]
        if cancelled:
            return cancelled
        for project in self._projects:
            for lane in self._lanes[project]:
                jobs = [job for job in self._jobs.get((project, lane), []) if not job.cancelled]
                if lane == "ordered":
                    jobs = jobs[:1]
                for job in jobs:
                    if not job.held:
                        return [job]
        return []

    def note_claim(self, job: PlannedJob) -> None:
        job.held = True
        self._projects.note_turn(job.project)
        self._lanes[job.project].note_turn(job.lane)
        if job.lane == "turns":
            line = self._jobs[job.project, job.lane]
            line.remove(job)
            line.append(job)

    def note_portion(self, job: PlannedJob) -> None:
        """The portion in hand is done."""
        job.held = False
        job.portions -= 1
        if not job.portions:
            self.note_end(job)

    def note_cancelling(self, job: PlannedJob) -> None:
        """It is due at once, whoever has it in hand."""
        job.cancelled = True
        job.held = False

    def note_end(self, job: PlannedJob) -> None:
        self._jobs[job.project, job.lane].remove(job)
