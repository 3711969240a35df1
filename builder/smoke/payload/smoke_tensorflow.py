"""Runs inside the image: trains a small Keras model, saves it, loads it again, and says what TensorFlow was built for.

On a GPU when there is one, on the CPU otherwise. It measures only.
"""

import importlib.metadata
import json
import os
import platform
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")

import keras
import numpy as np
import tensorflow as tf

SEED = 20
EPOCHS = 40


def data() -> "tuple[np.ndarray, np.ndarray]":
    """Points of the plane and whether they lie in the ring: nothing a line could tell."""
    random = np.random.default_rng(SEED)
    points = random.uniform(-1, 1, size=(512, 2)).astype("float32")
    far = np.hypot(points[:, 0], points[:, 1])
    return points, ((far > 0.4) & (far < 0.8)).astype("float32")


def model() -> "keras.Model":
    """Two hidden layers."""
    keras.utils.set_random_seed(SEED)
    layers = [
        keras.layers.Input((2,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
    made = keras.Sequential(layers)
    made.compile(optimizer=keras.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"])
    return made


def training() -> dict[str, object]:
    """Losses, seconds of an epoch, and how far what was saved and loaded is from what was trained."""
    points, inside = data()
    made = model()
    first, _ = made.evaluate(points, inside, verbose=0)
    begun = time.monotonic()
    made.fit(points, inside, epochs=EPOCHS, batch_size=64, verbose=0)
    seconds = (time.monotonic() - begun) / EPOCHS
    last, accuracy = made.evaluate(points, inside, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        made.save(path)
        again = keras.models.load_model(path)
    said, loaded = (one.predict(points, verbose=0) for one in (made, again))
    return {
        "loss_first": round(float(first), 6),
        "loss_last": round(float(last), 6),
        "accuracy": round(float(accuracy), 4),
        "seconds_per_epoch": round(seconds, 4),
        "saved_difference": float(np.abs(said - loaded).max()),
    }


def gpu_numbers() -> dict[str, object]:
    """What the GPU computes beside what the CPU does."""
    random = np.random.default_rng(SEED)
    a, b = (random.standard_normal((512, 512)).astype("float32") for _ in range(2))
    tf.config.experimental.enable_tensor_float_32_execution(False)
    with tf.device("/GPU:0"):
        product = tf.matmul(a, b)
    details = tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])
    return {
        "gpu": str(details.get("device_name", "")),
        "capability": ".".join(map(str, details.get("compute_capability", ()))),
        "matmul_device": product.device,
        "matmul_fp32": float(np.abs(product.numpy() - a @ b).max() / np.abs(a @ b).max()),
    }


def main() -> None:
    """Write the measurements to $IMGBUILD_RESULT."""
    build = tf.sysconfig.get_build_info()
    gpus = tf.config.list_physical_devices("GPU")
    numbers: dict[str, object] = {
        "python": platform.python_version(),
        "prefix": sys.prefix,
        "tensorflow": importlib.metadata.version("tensorflow"),
        "imported": tf.__version__,
        "keras": keras.__version__,
        "built_with_cuda": bool(tf.test.is_built_with_cuda()),
        "cuda": str(build.get("cuda_version", "none")),
        "cudnn": str(build.get("cudnn_version", "none")),
        "architectures": " ".join(build.get("cuda_compute_capabilities", ())),
        "gpus": len(gpus),
        "seed": SEED,
        **training(),
    }
    numbers |= gpu_numbers() if gpus else {}
    with open(os.environ["IMGBUILD_RESULT"], "w", encoding="utf-8") as file:
        json.dump(numbers, file)


main()
