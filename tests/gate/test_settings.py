"""The settings of a gate that nobody configured."""

from __future__ import annotations

from pytest_qparity.gate import default_settings


def test_everything_lives_under_the_folder_given_and_nothing_is_accepted(tmp_path):
    settings = default_settings(tmp_path)

    assert settings.golden_root == tmp_path / "golden"
    assert settings.cache == tmp_path / ".qparity" / "cache"
    assert settings.accept is None
    assert settings.latency_seconds > 0
    assert list(tmp_path.iterdir()) == []


def test_built_in_backends_and_metrics_are_known_by_their_names(tmp_path):
    settings = default_settings(tmp_path)

    assert {"ort", "openvino", "reference"} <= set(settings.backends)
    assert set(settings.metrics) == {"top1", "agreement"}
    for known in (settings.backends, settings.metrics):
        assert all(name == spec.name for name, spec in known.items())
