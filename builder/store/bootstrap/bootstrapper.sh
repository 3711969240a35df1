#!/bin/sh
# The bootstrapper: links the base environment before it has an interpreter of its own.
here=$(cd "$(dirname "$0")" && pwd)
python="$here/bin/@PYTHON@"
[ -x "$python" ] || python="$here/pkgs/@PYTHON_DIST@/bin/@PYTHON@"
export PYTHONPATH="$here/pkgs/@CONDA_DIST@/lib/@PYTHON@/site-packages"
exec "$python" -B -s -m conda_standin "$@"
