"""All planted faults and controls; `python -m benchmarks.peers` runs every tool over them."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers import file_faults, release_faults
from benchmarks.peers.fault import Fault, write
from benchmarks.peers.pair import sound_pair

CONTROLS = (*file_faults.CONTROLS, *release_faults.CONTROLS)
FAULTS = (*file_faults.FAULTS, *release_faults.FAULTS)


def plant_all(folder: Path, chosen: tuple[Fault, ...]) -> None:
    """Each fault as a folder of files."""
    pair = sound_pair()
    for fault in chosen:
        write(fault, fault.plant(pair), folder / fault.id)
