"""Folders as Linux's powercap has them in /sys."""

from __future__ import annotations

from pathlib import Path


def zone_of(
    root: Path, number: str = "0", name: str = "package-0", energy_uj: int = 1_000_000, greatest_uj: int = 10_000_000
) -> Path:
    """A zone "intel-rapl:<number>" in `root`."""
    zone = root / f"intel-rapl:{number}"
    zone.mkdir(parents=True)
    (zone / "name").write_text(f"{name}\n")
    (zone / "energy_uj").write_text(f"{energy_uj}\n")
    (zone / "max_energy_range_uj").write_text(f"{greatest_uj}\n")
    return zone
