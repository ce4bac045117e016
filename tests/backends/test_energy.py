"""Energy by the counters of a machine: RAPL's on folders as they are in /sys, whole runs on a counter of our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_qparity.backends import energy
from pytest_qparity.backends.energy import RaplMeter, Unreadable, joules_per_run, meter_for
from tests.backends.powercap import zone_of


def test_packages_and_their_memory_count_and_what_is_part_of_them_does_not(tmp_path: Path) -> None:
    zones = [
        zone_of(tmp_path, number, name)
        for number, name in [("0", "package-0"), ("0:0", "core"), ("0:1", "dram"), ("1", "package-1"), ("2", "psys")]
    ]
    (tmp_path / "dtpm").mkdir()
    zone_of(tmp_path / "mmio", "0").rename(tmp_path / "intel-rapl-mmio:0")  # the same package once more
    meter = RaplMeter(tmp_path)

    for zone in (*zones, tmp_path / "intel-rapl-mmio:0"):
        (zone / "energy_uj").write_text("1500000\n")

    assert meter.joules() == 3 * 0.5
    assert meter.method == "RAPL, 2 packages and dram"


def test_a_counter_that_begins_anew_goes_on_counting(tmp_path: Path) -> None:
    counter = zone_of(tmp_path, energy_uj=9_000_000, greatest_uj=10_000_000) / "energy_uj"
    meter = RaplMeter(tmp_path)

    read = []
    for now in (9_500_000, 500_000, 2_000_000, 1_000_000):
        counter.write_text(str(now))
        read.append(meter.joules())

    assert read == [0.5, 1.5, 3.0, 12.0]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(lambda zone: (zone / "energy_uj").unlink(), "energy_uj cannot be read", id="not readable"),
        pytest.param(lambda zone: (zone / "energy_uj").write_text("-1"), "should hold a count", id="no count"),
        pytest.param(lambda zone: (zone / "name").write_text("psys"), "no zone of a processor", id="no processor"),
        pytest.param(lambda zone: zone.rename(zone.with_name("dtpm")), "no zone of a processor", id="no RAPL"),
    ],
)
def test_what_cannot_be_read_is_no_energy(tmp_path: Path, spoil, said: str) -> None:
    spoil(zone_of(tmp_path))

    with pytest.raises(Unreadable, match=said):
        RaplMeter(tmp_path)
    with pytest.raises(Unreadable, match="cannot be read"):
        RaplMeter(tmp_path / "nowhere")


class Counter:
    """Takes `each` joules a run."""

    method = "a counter"

    def __init__(self, each: float) -> None:
        self.each, self.runs = each, 0

    def joules(self) -> float:
        return 100.0 + self.each * self.runs

    def run(self) -> None:
        self.runs += 1


def test_a_run_takes_its_share_of_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = Counter(0.5)
    now = iter([0.0, 0.2, 0.4, 0.6])
    monkeypatch.setattr(energy.time, "monotonic", lambda: next(now))

    assert joules_per_run(counter.run, counter) == 0.5
    assert counter.runs == 3  # until 0.5 s were over


def test_a_counter_that_stands_still_has_measured_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "WINDOW_S", 0.0)
    counter = Counter(0.0)

    with pytest.raises(Unreadable, match="stood still over 1 runs"):
        joules_per_run(counter.run, counter)


class OnDevice:
    def energy_meter(self) -> Counter:
        return Counter(1.0)


def test_a_device_counts_with_the_processors_that_feed_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)

    assert meter_for(OnDevice()).method == "a counter"  # where the processors tell nothing
    zone_of(tmp_path)
    assert meter_for(OnDevice()).method == "a counter; RAPL, 1 package"
    assert meter_for(object()).method == "RAPL, 1 package"


def test_processors_do_not_stand_for_a_device_that_does_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        def energy_meter(self) -> Counter:
            raise Unreadable("NVML has no such GPU")

    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    zone_of(tmp_path)

    with pytest.raises(Unreadable, match="NVML"):
        meter_for(Silent())
