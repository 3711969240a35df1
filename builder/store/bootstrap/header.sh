#!/bin/sh
# NAME:  @NAME@ (imgbuild stand-in)
# VER:   @VERSION@
# PLAT:  @SUBDIR@
# MD5:   @MD5@
#
# Stands in for the Miniconda installer where Anaconda's servers cannot be reached: same options, same layout.
# What follows the last line of this script is a tar.gz.

set -eu
unset LD_LIBRARY_PATH LD_PRELOAD LD_AUDIT PYTHONHOME CONDARC MAMBARC

if ! echo "$0" | grep '\.sh$' > /dev/null; then
    printf 'Please run using "bash"/"dash"/"sh"/"zsh", but not "." or "source".\n' >&2
    # A script that is read with "." returns; one that is run under another name exits.
    # shellcheck disable=SC2317
    return 1 2> /dev/null || exit 1
fi

THIS_DIR=$(cd "$(dirname "$0")" && pwd)
THIS_PATH="$THIS_DIR/$(basename "$0")"
PREFIX="${HOME:-/opt}/@DIRECTORY@"
BATCH=0
FORCE=0
SKIP_SCRIPTS=0
INIT_CONDA=0
TEST=0

USAGE="
usage: $0 [options]

Installs @NAME@ @VERSION@ (imgbuild stand-in)
-b           run install in batch mode (without manual intervention),
             it is expected the license terms (if any) are agreed upon
-c           run 'conda init' after installation (only applies to batch mode)
-f           no error if install prefix already exists
-h           print this help message and exit
-k           do not clear the package cache after installation
-m           disable the creation of menu items / shortcuts
-p PREFIX    install prefix, defaults to $PREFIX, must not contain spaces.
-s           skip running pre/post-link/install scripts
-t           run package tests after installation (may install conda-build)
-u           update an existing installation
"

fail() {
    printf 'ERROR: %s\n' "$1" >&2
    exit 1
}

while getopts "bcfhkmp:stu" option; do
    case "$option" in
        b) BATCH=1 ;;
        c) INIT_CONDA=1 ;;
        f | u) FORCE=1 ;;
        h)
            printf '%s\n' "$USAGE"
            exit 2
            ;;
        k | m) ;;
        p) PREFIX="$OPTARG" ;;
        s) SKIP_SCRIPTS=1 ;;
        t) TEST=1 ;;
        *)
            printf "ERROR: did not recognize option, please try -h\n" >&2
            exit 1
            ;;
    esac
done

if [ "$(uname -m)" != "@MACHINE@" ]; then
    printf 'WARNING: this installer is for @MACHINE@, and this machine is %s.\n' "$(uname -m)" >&2
fi

# The C library must be as new as the one the packages were built for.
if [ -n "${CONDA_OVERRIDE_GLIBC:-}" ]; then
    SYSTEM_GLIBC="$CONDA_OVERRIDE_GLIBC"
else
    SYSTEM_GLIBC=$(ldd --version 2> /dev/null | head -n 1 | grep -o '[0-9][0-9.]*$' || true)
fi
OLDEST=$(printf '%s\n%s\n' "@GLIBC@" "${SYSTEM_GLIBC:-0}" | sort -t . -k 1,1n -k 2,2n | head -n 1)
if [ "$OLDEST" != "@GLIBC@" ]; then
    fail "Installer requires GLIBC >=@GLIBC@, but system has ${SYSTEM_GLIBC:-.}."
fi

if [ "$BATCH" = "0" ]; then
    printf 'Welcome to @NAME@ @VERSION@ (imgbuild stand-in)\n\n'
    printf 'Its packages have licenses of their own; see info/licenses of each.\n'
    printf 'Do you accept the license terms? [yes|no]\n>>> '
    read -r answer || answer=no
    case "$answer" in
        [Yy] | [Yy][Ee][Ss]) ;;
        *)
            printf "The license agreement wasn't approved, aborting installation.\n"
            exit 2
            ;;
    esac
    printf '\n@NAME@ will now be installed into this location:\n%s\n[%s] >>> ' "$PREFIX" "$PREFIX"
    read -r answer || answer=
    [ -z "$answer" ] || PREFIX="$answer"
fi

case "$PREFIX" in
    *\ *) fail "Cannot install into directories with spaces" ;;
esac
if [ "$FORCE" = "0" ] && [ -e "$PREFIX" ]; then
    fail "File or directory already exists: '$PREFIX'
If you want to update an existing installation, use the -u option."
fi
mkdir -p "$PREFIX" 2> /dev/null || fail "Could not create directory: '$PREFIX'"
PREFIX=$(cd "$PREFIX" && pwd)
export PREFIX
printf 'PREFIX=%s\n' "$PREFIX"

NEEDED_KB=@SIZE_KB@
# shellcheck disable=SC2046
set -- $(df -Pk "$PREFIX" | tail -n 1)
if [ "${4:-0}" -lt "$((NEEDED_KB + 51200))" ]; then
    rmdir "$PREFIX" 2> /dev/null || true
    fail "Not enough free disk space: only $((${4:-0} / 1024)) MB are available, but $((NEEDED_KB / 1024)) MB are required (leaving 50 MB reserve)"
fi

payload() {
    tail -n +@LINES@ "$THIS_PATH"
}

MD5=$(payload | md5sum | cut -d ' ' -f 1)
if [ "$MD5" != "@MD5@" ]; then
    printf 'WARNING: md5sum mismatch of tar archive\nexpected: @MD5@\n     got: %s\n' "$MD5" >&2
fi

printf 'Unpacking payload...\n'
payload | tar -xzf - -C "$PREFIX" --no-same-owner || fail "could not extract the payload"
rm -f "$PREFIX/pkgs/urls"
mkdir -p "$PREFIX/envs" "$PREFIX/conda-meta"
touch "$PREFIX/conda-meta/history" "$PREFIX/envs/.conda_envs_dir_test"

if [ -n "${PYTHONPATH:-}" ]; then
    printf 'WARNING:\n    You currently have a PYTHONPATH environment variable set. This may cause\n'
    printf '    unexpected behavior when running the Python interpreter in @NAME@.\n'
fi

printf '\nInstalling base environment...\n\n'
CONDA_ROOT_PREFIX="$PREFIX" CONDA_PKGS_DIRS="$PREFIX/pkgs" "$PREFIX/_conda" install --offline -y -q \
    -p "$PREFIX" --override-channels -c nodefaults --file "$PREFIX/conda-meta/initial-state.explicit.txt" \
    || fail "could not install the base environment"

if [ "$(id -u)" -ne 0 ]; then
    touch "$PREFIX/.nonadmin"
fi
# The first start compiles what conda needs; users who cannot write here would pay for that at every start.
PYTHONDONTWRITEBYTECODE='' "$PREFIX/bin/python" -s -c 'import conda_standin.cli' || fail "the installed python does not start"
if [ "$SKIP_SCRIPTS" = "0" ] && [ ! -e "$PREFIX/.condarc" ]; then
    printf 'channels:\n  - defaults\nsolver: libmamba\n' > "$PREFIX/.condarc"
fi
if [ "$TEST" = "1" ]; then
    "$PREFIX/bin/conda" --version || fail "the installed conda does not start"
fi
if [ "$INIT_CONDA" = "1" ] && [ "$BATCH" = "1" ]; then
    "$PREFIX/bin/conda" init
fi
printf 'installation finished.\n'
exit 0
