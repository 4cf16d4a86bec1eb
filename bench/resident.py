"""Resident memory of a process, from /proc, in MiB."""

from __future__ import annotations

from pathlib import Path


def resident_mib(pid: int, line: str) -> float:
    """What is resident now ("VmRSS"), or the most since `forget_peak` ("VmHWM")."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split(f"{line}:")[1].split()[0]) / 1024


def forget_peak(pid: int) -> None:
    """Start the count of the peak anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
