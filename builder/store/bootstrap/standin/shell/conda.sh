# shellcheck shell=sh
# Make `conda activate` and `conda deactivate` change the calling shell. Read by `. etc/profile.d/conda.sh` and by
# `eval "$(conda shell.bash hook)"`.
export CONDA_EXE='@PREFIX@/bin/conda'
export CONDA_PYTHON_EXE='@PREFIX@/bin/python'
export _CE_M=''
export _CE_CONDA=''

__conda_exe() (
    "$CONDA_EXE" "$@"
)

__conda_change() {
    # The assignment keeps conda's exit code, so that a failed activation changes nothing and is seen.
    __conda_text="$(PS1="${PS1:-}" __conda_exe shell.posix "$@")" || return
    eval "$__conda_text"
    unset __conda_text
    hash -r 2>/dev/null || true
}

conda() {
    case "${1-}" in
        activate | deactivate)
            __conda_change "$@"
            ;;
        install | update | upgrade | remove | uninstall)
            __conda_exe "$@" || return
            __conda_change reactivate
            ;;
        *)
            __conda_exe "$@"
            ;;
    esac
}

if [ -z "${CONDA_SHLVL+x}" ]; then
    export CONDA_SHLVL=0
    case ":$PATH:" in
        *":@PREFIX@/condabin:"*) ;;
        *) export PATH="@PREFIX@/condabin:$PATH" ;;
    esac
    # Reading an unset prompt would end a shell under `set -u`.
    if [ -z "${PS1+x}" ]; then
        PS1=
    fi
fi
