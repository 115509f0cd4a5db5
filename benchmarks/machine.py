"""Where and when figures were measured."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import psutil

import openvoucher


def describe_machine() -> dict[str, str]:
    python = platform.python_version()
    return {
        "machine": f"{_read_processor()}, {psutil.cpu_count()} cores, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()} {platform.release()}",
        "versions": f"OpenVoucher {openvoucher.__version__}{_read_commit()}, Python {python}",
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }


def read_load() -> str:
    return ", ".join(f"{load:.2f}" for load in os.getloadavg())


def _read_processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _read_commit() -> str:
    root = Path(__file__).resolve().parents[1]
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        return f" ({subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()})"
    except (OSError, subprocess.CalledProcessError):
        return ""
