"""What a job does: check out with git, compile and link with make, test with pytest, look with ruff."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MAKEFILE = """\
all: sum greet
sum: sum.c
\t$(CC) -Wall -Werror -O2 -o $@ $< -lm
greet: greet.cpp
\t$(CXX) -Wall -Werror -O2 -o $@ $<
"""
SUM_C = """\
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
    double sum = 0;
    for (int i = 1; i < argc; i++) sum += sqrt(atof(argv[i]));
    printf("%.1f\\n", sum);
    return 0;
}
"""
GREET_CPP = """\
#include <iostream>
#include <string>
#include <vector>
int main() {
    std::vector<std::string> words{"hello", "from", "g++"};
    for (const auto &word : words) std::cout << word << ' ';
    std::cout << std::endl;
}
"""
TEST_PY = """\
import subprocess


def test_sum() -> None:
    assert subprocess.run(["./sum", "16", "9"], capture_output=True, text=True).stdout == "7.0\\n"
"""
ME = ("-c", "user.name=job", "-c", "user.email=job@example.org")


def run(*words: str, cwd: Path) -> str:
    """A command that must succeed; its output."""
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def expect(what: str, expected: str, got: str) -> None:
    if got != expected:
        raise SystemExit(f"{what}: expected {expected!r}, got {got!r}")


def checked_out(scratch: Path) -> Path:
    """A repository with one commit, and the clone of it that the job works in."""
    origin = scratch / "origin"
    origin.mkdir()
    run("git", "init", "--quiet", "--initial-branch=main", cwd=origin)
    for name, text in {
        "Makefile": MAKEFILE,
        "sum.c": SUM_C,
        "greet.cpp": GREET_CPP,
        "test_sum.py": TEST_PY,
    }.items():
        (origin / name).write_text(text)
    run("git", "add", "--all", cwd=origin)
    run("git", *ME, "commit", "--quiet", "--message=First", cwd=origin)
    run("git", "clone", "--quiet", "--depth=1", f"file://{origin}", "job", cwd=scratch)
    job = scratch / "job"
    expect("git log", "First\n", run("git", "log", "--format=%s", cwd=job))
    expect("git status", "", run("git", "status", "--porcelain", cwd=job))
    expect("safe.directory", "*\n", run("git", "config", "--get-all", "safe.directory", cwd=job))
    return job


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        job = checked_out(Path(scratch))
        run("make", "--jobs=2", cwd=job)
        expect("the C program", "7.0\n", run("./sum", "16", "9", cwd=job))
        expect("the C++ program", "hello from g++ \n", run("./greet", cwd=job))
        said = run(
            "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--cov=.", "--cov-report=term", cwd=job
        )
        if "1 passed" not in said or "TOTAL" not in said:
            raise SystemExit(f"pytest said something else:\n{said}")
        run("ruff", "check", "--isolated", "--no-cache", "--select=F", ".", cwd=job)
    which = shutil.which("python") or ""
    expect("python on PATH", f"{sys.prefix}/bin/python", which)
    for tool in ("curl", "ssh", "patch", "unzip", "xz", "zstd"):
        if shutil.which(tool) is None:
            raise SystemExit(f"there is no {tool}")
    if not Path("/etc/ssl/certs/ca-certificates.crt").stat().st_size:
        raise SystemExit("there are no CA certificates")
    result = os.environ.get("IMGBUILD_RESULT")
    if result:
        numbers = {"git": run("git", "--version", cwd=Path("/")).split()[2], "programs": 2, "tests": 1}
        Path(result).write_text(json.dumps(numbers), encoding="utf-8")


main()
