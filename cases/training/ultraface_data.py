"""Crops of scikit-image's public-domain pictures, as the face detector UltraFace RFB-320 wants them."""

import argparse
from pathlib import Path

import numpy as np
from skimage import data
from skimage.transform import resize

WIDTH, HEIGHT = 320, 240

# (picture, left, top, width of the crop); a crop's height is three quarters of its width.
# Only one of the pictures has a face: calibration sees it mirrored and at other distances.
Crop = tuple[str, int, int, int]
TEST: list[Crop] = [
    ("astronaut", 0, 0, 512),
    ("astronaut", 80, 20, 300),
    ("astronaut", 140, 60, 200),
    ("astronaut", 60, 0, 400),
    ("coffee", 0, 0, 520),
    ("chelsea", 20, 0, 400),
    ("rocket", 100, 60, 480),
    ("hubble_deep_field", 100, 100, 640),
]
CALIBRATION: list[Crop] = [
    ("astronaut mirrored", 0, 60, 512),
    ("astronaut mirrored", 130, 10, 340),
    ("astronaut mirrored", 200, 40, 240),
    ("astronaut mirrored", 100, 30, 412),
    ("astronaut mirrored", 170, 0, 320),
    ("coffee mirrored", 200, 80, 400),
    ("coffee mirrored", 40, 60, 320),
    ("chelsea mirrored", 0, 0, 400),
    ("chelsea mirrored", 120, 40, 320),
    ("rocket mirrored", 0, 0, 560),
    ("rocket mirrored", 200, 100, 360),
    ("hubble_deep_field mirrored", 300, 300, 640),
]


def picture(name: str) -> np.ndarray:
    image = getattr(data, name.removesuffix(" mirrored"))()
    return image[:, ::-1] if name.endswith(" mirrored") else image


def model_input(crop: Crop) -> np.ndarray:
    """(RGB - 127) / 128, shape (1, 3, 240, 320); pixels are whole numbers, so each value is exact in float32."""
    name, left, top, width = crop
    height = width * 3 // 4
    window = picture(name)[top : top + height, left : left + width]
    if window.shape != (height, width, 3):
        raise ValueError(f"crop {crop} leaves the picture")
    pixels = np.rint(resize(window, (HEIGHT, WIDTH), anti_aliasing=True, preserve_range=True))
    return ((pixels - 127.0) / 128.0).astype(np.float32).transpose(2, 0, 1)[None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "data")
    output: Path = parser.parse_args().output
    for kind, crops in {"test": TEST, "calibration": CALIBRATION}.items():
        samples = np.stack([model_input(crop) for crop in crops])
        np.savez_compressed(output / f"ultraface_rfb320_{kind}.npz", input=samples)
        print(f"{kind}: {len(samples)} samples {samples.shape[1:]} between {samples.min()} and {samples.max()}")


if __name__ == "__main__":
    main()
