"""An image with packages of every kind, and ways to change it behind its lock's back, each with what `verify` must say.

The cases are used twice: as tests, and for docs/verify.md.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.conda_packages import PLACEHOLDER, File, Recipe, make
from tests.support.grown_kit import grown_kit
from tests.support.wheel_samples import write_wheel

NAME = "held"
SITE = f"/opt/conda/envs/{NAME}/lib/python3.11/site-packages"
BIN = f"/opt/conda/envs/{NAME}/bin"
FILES = {
    "environment.yml": """\
name: held
channels: [conda-forge, nodefaults]
dependencies:
  - python>=3.11
  - pip
  - imgbuild-sample
  - imgbuild-hooked
  - pip:
      - tabulate
variables:
  MODE: held
""",
    "image.yml": """\
files: [{from: app, to: /app}]
labels: {org.example.team: vision}
env: {GREETING: hello}
""",
    "app/main.py": "print('main')\n",
}
_MODULE = b"""\
VALUE = 7


def main() -> None:
    print(VALUE)
"""
_TEXT = f"#!{PLACEHOLDER}/bin/python\nprint('{PLACEHOLDER}/share/sample')\n".encode()
_BINARY = b"\x7fELF\0" + f"{PLACEHOLDER}/lib:{PLACEHOLDER}/lib64".encode() + b"\0tail\0"


def held_project(root: Path) -> Path:
    """A project with the one image."""
    folder = root / "envs" / NAME
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    shutil.copy(Path(__file__).parents[2] / "envs" / "_bases.yml", root / "envs" / "_bases.yml")
    return root


def held_kit(kit: Path, directory: Path, root: Path) -> Path:
    """A copy of a kit with two packages more, and the lock of the project's image."""
    return grown_kit(kit, directory, root, NAME, _packages)


def _packages(folder: Path) -> None:
    """One for any Python, with a console script and its prefix in a text and a binary; one with a hook."""
    sample = Recipe(
        "imgbuild-sample",
        {
            "site-packages/imgbuild_sample/__init__.py": _MODULE,
            "site-packages/imgbuild_sample-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: imgbuild-sample\n"
            b"Version: 1.0\n",
            "python-scripts/sample-tool": File(_TEXT, 0o755, prefix="text"),
            "share/sample/table.bin": File(_BINARY, prefix="binary"),
            "share/sample/latest": File(link="table.bin"),
        },
        noarch="python",
        depends=("python",),
        entry_points=("sample-main = imgbuild_sample:main",),
    )
    hooked = Recipe(
        "imgbuild-hooked",
        {"etc/conda/activate.d/hooked.sh": b'export HOOKED_DATA="$CONDA_PREFIX/share/hooked"\n'},
    )
    make(folder / "noarch", sample)
    make(folder / "linux-64", hooked)


@dataclass(frozen=True)
class Case:
    """A change. told: how the page names it. lines: of a Dockerfile on top of the image; page: texts that replace some
    in the image's own page, so that no layer is added. finds: (about, how, end of the name) of each drift that has to
    be found; only: no others may be, beside the verdict's, which is another image's then."""

    told: str
    finds: Sequence[tuple[str, str, str]]
    lines: Sequence[str] = ()
    page: Mapping[str, str] = field(default_factory=dict)
    only: bool = False


_RUN = "USER 0"
_PIP = f"{BIN}/pip install -q --no-index --find-links /wheels"
_BACK = "USER 1000:0"
_SAMPLE = f"{SITE}/imgbuild_sample/__init__.py"
_RECORD = f"{SITE}/tabulate-0.10.0.dist-info/RECORD"
_MODULE_FILE = f"{SITE}/tabulate/__init__.py"
_FORGE = (
    f"import base64, hashlib, re; path = '{_MODULE_FILE}'; "
    "data = open(path, 'rb').read().replace(b'import', b'Import', 1); "
    "open(path, 'wb').write(data); "
    "digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('='); "
    f"record = '{_RECORD}'; text = open(record).read(); "
    "open(record, 'w').write(re.sub(r'(tabulate/__init__.py,sha256=)[^,]*', r'\\\\1' + digest, text))"
)
_END = 'chmod -R a+rX "$prefix"; \\\n'
CASES: dict[str, Case] = {
    "byte": Case(
        "one byte of a module of a conda package",
        (("file", "changed", "imgbuild_sample/__init__.py"),),
        (f"RUN sed -i 's/VALUE = 7/VALUE = 8/' {_SAMPLE}",),
    ),
    "byte-and-record": Case(
        "one byte of a module of a wheel, and RECORD edited to match",
        (("file", "changed", "tabulate/__init__.py"), ("file", "changed", "dist-info/RECORD")),
        (f'RUN {BIN}/python -c "{_FORGE}"',),
    ),
    "byte-in-place": Case(
        "the same byte, in the very step that installs: no layer more than there should be",
        (("file", "changed", "imgbuild_sample/__init__.py"),),
        page={_END: f"{_END}    sed -i 's/VALUE = 7/VALUE = 8/' {_SAMPLE}; \\\n"},
    ),
    "prefix": Case(
        "a byte of a binary that conda wrote its prefix into",
        (("file", "changed", "share/sample/table.bin"),),
        (f"RUN sed -i 's/tail/tall/' /opt/conda/envs/{NAME}/share/sample/table.bin",),
    ),
    "bytecode": Case(
        "bytecode of an untouched module",
        (("file", "changed", "imgbuild_sample/__pycache__/__init__.cpython-311.pyc"),),
        (f"RUN sed -i 's/VALUE/VALVE/' {SITE}/imgbuild_sample/__pycache__/__init__.cpython-311.pyc",),
    ),
    "pth": Case(
        "a .pth file that runs at every start of Python",
        (("file", "extra", "site-packages/zz.pth"),),
        (f"RUN echo 'import os' > {SITE}/zz.pth",),
    ),
    "pth-in-place": Case(
        "the same .pth file, in the very step that installs",
        (("file", "extra", "site-packages/zz.pth"),),
        page={_END: f"{_END}    echo 'import os' > {SITE}/zz.pth; \\\n"},
    ),
    "upgraded": Case(
        "a wheel upgraded with pip",
        (("package", "changed", "tabulate"),),
        ("COPY wheels /wheels", f"RUN {_PIP} -U tabulate; rm -r /wheels"),
    ),
    "added": Case(
        "a package added with pip",
        (("package", "extra", "newcomer"),),
        ("COPY wheels /wheels", f"RUN {_PIP} newcomer; rm -r /wheels"),
    ),
    "removed": Case(
        "a wheel removed with pip",
        (("package", "missing", "tabulate"),),
        (f"RUN {BIN}/pip uninstall -q -y tabulate",),
    ),
    "conda-removed": Case(
        "the files of a conda package removed",
        (("package", "missing", "imgbuild-hooked"),),
        (f"RUN rm -r /opt/conda/envs/{NAME}/etc/conda/activate.d /opt/conda/envs/{NAME}/conda-meta/imgbuild-hooked*",),
    ),
    "base": Case("another base", (("base", "changed", "debian-bookworm"),)),
    "base-file": Case(
        "a program of the base",
        (("file", "changed", "/usr/bin/env"),),
        ("RUN cp /bin/sh /usr/bin/env",),
    ),
    "conda-itself": Case(
        "a module of conda itself",
        (("file", "changed", "conda_standin/cli.py"),),
        ("RUN echo '# x' >> /opt/conda/lib/python3.11/site-packages/conda_standin/cli.py",),
    ),
    "entrypoint-file": Case(
        "imgbuild's own entrypoint",
        (("file", "changed", "/usr/local/bin/imgbuild-entrypoint"),),
        ("RUN echo 'true' >> /usr/local/bin/imgbuild-entrypoint",),
    ),
    "own-file": Case(
        "a file of `files:`", (("file", "changed", "/app/main.py"),), ("RUN echo 'import os' >> /app/main.py",)
    ),
    "setuid": Case(
        "a program that got the right to be root",
        (("file", "changed", "bin/python3.11"),),
        (f"RUN chmod u+s {BIN}/python3.11",),
    ),
    "label": Case(
        "an edited label",
        (("label", "changed", "org.example.team"),),
        ("LABEL org.example.team=language",),
        only=True,
    ),
    "lock-label": Case(
        "the label that names the lock",
        (("label", "changed", "io.imgbuild.lock"),),
        ("LABEL io.imgbuild.lock=0000",),
        only=True,
    ),
    "new-label": Case(
        "a label more", (("label", "extra", "org.example.more"),), ("LABEL org.example.more=1",), only=True
    ),
    "variable": Case(
        "a changed environment variable", (("variable", "changed", "GREETING"),), ("ENV GREETING=goodbye",), only=True
    ),
    "new-variable": Case(
        "an environment variable more", (("variable", "extra", "LD_PRELOAD"),), ("ENV LD_PRELOAD=/tmp/x.so",), only=True
    ),
    "hook-variable": Case(
        "a variable that an activation script had set",
        (("variable", "changed", "HOOKED_DATA"),),
        ("ENV HOOKED_DATA=/tmp",),
        only=True,
    ),
    "user": Case("another user", (("config", "changed", "user"),), ("USER 0:0",), only=True),
    "entrypoint": Case(
        "another entrypoint", (("config", "changed", "entrypoint"),), ('ENTRYPOINT ["sh"]', 'CMD ["bash"]'), only=True
    ),
}  # fmt: skip


def dockerfile(image: str, *cases: Case) -> str:
    """All changes on top of an image."""
    lines = [line for case in cases for line in case.lines]
    steps = [_RUN, *lines, _BACK] if any(line.startswith(("RUN", "COPY")) for line in lines) else lines
    return "".join(f"{line}\n" for line in (f"FROM {image}", *steps))


def wheels(folder: Path) -> dict[str, bytes]:
    """What the pip cases install, by path in the context."""
    write_wheel(folder, "tabulate", "99.0", files={"tabulate/__init__.py": b"VALUE = 99\n"})
    write_wheel(folder, "newcomer", "1.0")
    return {f"wheels/{path.name}": path.read_bytes() for path in folder.iterdir()}
