#!/bin/sh
# Runs in a base: its package sources and its architecture, for the host to read.
set -eu
out=$1
command -v apt-get > /dev/null 2>&1 || exit 44
dpkg --print-architecture > "$out/architecture"
mkdir -p "$out/etc/sources.list.d"
for file in sources.list sources.list.d/*.list sources.list.d/*.sources; do
    if [ -f "/etc/apt/$file" ]; then cat "/etc/apt/$file" > "$out/etc/$file"; fi
done
