"""Sound to the model's frames, as the device does it, and seeded recordings to try it with."""

from __future__ import annotations

import numpy as np

RATE_HZ, WINDOW, HOP = 16_000, 512, 128


def magnitudes(sound: np.ndarray) -> np.ndarray:
    """|FFT| of windows of 512 values, 128 apart: float32 (frames, 1, 1, 257). The model sees one frame at a time."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP]
    return np.abs(np.fft.rfft(windows)).astype(np.float32)[:, np.newaxis, np.newaxis]


def voice(seconds: float, random: np.random.Generator) -> np.ndarray:
    """Something between 120 and 200 Hz that opens and closes its mouth four times a second: no speech, but voiced."""
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    pitch_hz = random.uniform(120, 200) * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time_s))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    formants_hz = random.uniform((400, 1000, 2200), (800, 1800, 3000))
    strength = [sum(np.exp(-(((k * 160 - hz) / 200) ** 2)) for hz in formants_hz) for k in range(1, 25)]
    tone = sum(amount * np.sin(k * phase) for k, amount in enumerate(strength, start=1))
    mouth = np.clip(np.sin(2 * np.pi * 4 * time_s + random.uniform(0, 6)), 0, 1)
    return 0.05 * np.asarray(tone) * mouth


def recordings(seed: int, *lengths_s: float) -> dict[str, np.ndarray]:
    """Frames of several recordings one behind the other; `recording` says which a frame belongs to, so that no state
    leaks from one into the next. Labels are the mask that would take out the noise: clean / (clean + noise)."""
    random = np.random.default_rng(seed)
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    for seconds in lengths_s:
        clean = voice(seconds, random)
        noise = 0.02 * random.standard_normal(len(clean))
        heard, told = magnitudes(clean + noise), magnitudes(clean)
        parts.append((heard, told / (told + magnitudes(noise))))
    return {
        "input_2": np.concatenate([heard for heard, _ in parts]),
        "labels": np.concatenate([mask for _, mask in parts]),
        "recording": np.repeat(np.arange(len(parts)), [len(heard) for heard, _ in parts]),
    }


def test_data() -> dict[str, np.ndarray]:
    return recordings(1, 1.0, 0.6)


def calibration_data() -> dict[str, np.ndarray]:
    return recordings(2, 0.8)
