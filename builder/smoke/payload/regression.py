"""Runs inside the image: fits Y = 2X with the image's own libraries, measures, and draws the fit.

It measures only. The host judges, so that no script can declare itself passed.
"""

import json
import os
import platform
import sys

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import sklearn
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression


def mean_squared_error(truth: "np.ndarray", guess: "np.ndarray") -> float:
    """Mean of the squared differences."""
    return float(np.mean((np.asarray(truth) - np.asarray(guess)) ** 2))


def draw(frame: "pd.DataFrame", line: "np.ndarray", path: str) -> None:
    """The points and the fitted line, as a PNG at `path`."""
    figure, axes = plt.subplots(figsize=(6, 4), dpi=100)
    axes.scatter(frame["X"], frame["Y"], label="data", zorder=3)
    axes.plot(frame["X"], line, color="tab:red", label="fit")
    axes.set(xlabel="X", ylabel="Y", title="LinearRegression: Y = 2X")
    axes.legend()
    axes.grid(visible=True, alpha=0.3)
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    """Write result.json to $IMGBUILD_RESULT and regression.png beside it."""
    result = os.environ["IMGBUILD_RESULT"]
    frame = pd.DataFrame({"X": [1, 2, 3, 4], "Y": [2, 4, 6, 8]})
    model = LinearRegression().fit(frame[["X"]], frame["Y"])
    baseline = DummyRegressor(strategy="mean").fit(frame[["X"]], frame["Y"])
    line = model.predict(frame[["X"]])
    numbers = {
        "coefficient": float(model.coef_[0]),
        "intercept": float(model.intercept_),
        "prediction_at_3": float(model.predict(pd.DataFrame({"X": [3]}))[0]),
        "mse": mean_squared_error(frame["Y"], line),
        "baseline_mse": mean_squared_error(frame["Y"], baseline.predict(frame[["X"]])),
        "python": platform.python_version(),
        "prefix": sys.prefix,
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "scikit-learn": sklearn.__version__,
        "matplotlib": mpl.__version__,
    }
    draw(frame, line, os.path.join(os.path.dirname(result), "regression.png"))
    with open(result, "w", encoding="utf-8") as file:
        json.dump(numbers, file)


main()
