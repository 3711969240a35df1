"""Facts as data files, each row with its source, and the functions that look things up in them."""

from __future__ import annotations

BUILTIN_SMOKE: tuple[str, ...] = ("regression",)
"""Smoke tests that imgbuild brings along; image.yml names them without a path."""

BASE_HOLDS: frozenset[str] = frozenset(
    [
        *(
            "apt",
            "base-files",
            "base-passwd",
            "bash",
            "bsdutils",
            "coreutils",
            "dash",
            "debconf",
            "debianutils",
        ),
        *(
            "diffutils",
            "dpkg",
            "findutils",
            "grep",
            "gzip",
            "hostname",
            "init-system-helpers",
            "libc-bin",
            "libc6",
        ),
        *("login", "mawk", "mount", "ncurses-base", "ncurses-bin", "passwd", "perl-base", "sed"),
        *("sysvinit-utils", "tar", "util-linux"),
    ]
)
"""Debian packages that every base holds: Essential, or of priority `required` (Debian Policy 2.5 and 3.8)."""
