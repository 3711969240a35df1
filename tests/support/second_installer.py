"""A second installer, unlike the stand-in that kits hold: another header, other files, another .condarc, a banner.

Inside it is the stand-in's conda under another version, because there is no other conda to be had here.
"""

from __future__ import annotations

import shlex
from pathlib import Path

NAME = "Miniforge3-26.3.2-3-Linux-x86_64.sh"
CONDA = "26.3.2"
CONDARC = """\
# written by the installer
solver: rattler
channels: [conda-forge, defaults]
channel_priority: strict
custom_channels:
  lab: https://conda.example.org
auto_update_conda: false
"""
HEADER = r"""#!/usr/bin/env bash
# Miniforge3 (imgbuild stand-in), second layout: options in any order, long ones too; files of its own; no bootstrapper.
set -o errexit -o nounset -o pipefail
case "$0" in *.sh) ;; *) echo "run me under a name that ends in .sh" >&2; exit 3 ;; esac
prefix=${HOME}/miniforge3 batch=no
while [ $# -gt 0 ]; do
    case "$1" in
        -b | --batch) batch=yes ;;
        -p | --prefix) prefix=$2; shift ;;
        -[a-z]*) echo "ignored: $1" >&2 ;;
        *) echo "unknown: $1" >&2; exit 4 ;;
    esac
    shift
done
[ "$batch" = yes ] || { echo "no terminal, no licence: use --batch" >&2; exit 5; }
cat <<'BANNER'

                 __  __ _       _  __
                |  \/  (_)_ __ (_)/ _| ___  _ __ __ _  ___
   This banner goes to stdout, with "quotes", $(dollars) and {"json": true}.

BANNER
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/inner"
tail -n "+$(($(grep -a -n -m 1 '^@@PAYLOAD@@$' "$0" | cut -d : -f 1) + 1))" "$0" > "$work/inner/run.sh"
bash "$work/inner/run.sh" -b -s -p "$prefix" > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
rm -rf "$prefix/_conda" "$prefix/LICENSE.txt"
printf '%s' @@CONDARC@@ > "$prefix/.condarc"
mkdir -p "$prefix/share/miniforge" "$prefix/etc/conda/activate.d"
printf '#!/bin/sh\necho "mamba 2.3.0"\n' > "$prefix/bin/mamba"; chmod 0755 "$prefix/bin/mamba"
printf 'Miniforge3\n' > "$prefix/share/miniforge/edition"
echo "Thank you for installing Miniforge3!"
exit 0
@@PAYLOAD@@
"""


def second_installer(folder: Path, channel: Path) -> Path:
    """Write it from the packages of a kit's channel, and return its path."""
    from builder.store.bootstrap.installer import write_installer
    from builder.store.bootstrap.wheelhouse import TOOLS

    names = ("python", *TOOLS)
    packages = [sorted(channel.glob(f"*/{name}-[0-9]*.conda"))[-1] for name in names]
    inner = write_installer(folder / "inner", packages=packages, conda_version=CONDA, subdir="linux-64")
    target = folder / NAME
    target.write_bytes(HEADER.replace("@@CONDARC@@", shlex.quote(CONDARC)).encode() + inner.read_bytes())
    return target
