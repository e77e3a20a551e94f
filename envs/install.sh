#!/bin/sh
# Makes .venv from the lock, unless .venv was made from the same lock. `install.sh test torch` also installs the test tools
# and torch, each once. `make setup`, `make setup-torch` and `make test` run this script.
# PYTHON names the interpreter. Without it the first suitable one on PATH is taken, and Python 3.11 is preferred.
set -eu
cd "$(dirname "$0")/.."

lock=envs/requirements.lock
venv=.venv
made_from=$venv/made-from

# The user's own settings must not make pip install outside of .venv
export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1

# Prints the path of the interpreter "$1" if it runs and has the modules that pip and Snakemake need; otherwise it fails.
# The interpreter must be run to know this: a pyenv shim may exist and not run, and Debian's python3 may lack ensurepip.
interpreter() {
    "$1" -c '
import bz2, ctypes, ensurepip, lzma, os, sqlite3, ssl, sys, venv
if sys.version_info < (3, 11):
    sys.exit(1)
print(os.path.realpath(sys.executable))' </dev/null 2>/dev/null
}

find_python() (
    if [ -n "${PYTHON:-}" ]; then
        interpreter "$PYTHON" && return
        echo "PYTHON=$PYTHON is no complete Python 3.11, 3.12 or 3.13 that runs here; name another, or leave PYTHON out." >&2
        return 1
    fi
    IFS=:
    set -f
    for name in python3.11 python3.12 python3.13 python3; do
        for folder in $PATH; do
            if [ -x "$folder/$name" ]; then interpreter "$folder/$name" && return; fi
        done
    done
    echo "No complete Python 3.11, 3.12 or 3.13 on PATH; install one or run make PYTHON=/path/to/python3.11." >&2
    return 1
)

# Prints the origin that .venv must have: this folder (scripts in .venv contain its path) and the locked versions.
wanted() {
    pwd -P
    cat "$lock"
}

version_of() {
    "$1" -c 'import sys; print(sys.version, sys.base_prefix)' 2>/dev/null
}

is_made() {
    [ -f "$made_from" ] && wanted | cmp -s - "$made_from" || return 1
    made_with=$(version_of "$venv/bin/python") || return 1
    [ -z "${PYTHON:-}" ] || [ "$made_with" = "$(version_of "$PYTHON")" ]
}

# Installs the packages of a lock with uv, in a tenth of pip's time. uv does not read pip's settings, so it is given the
# index. If uv fails, pip tries. One package has no wheel (connection-pool, pure Python); setuptools builds it.
install_locked() {
    index=${PIP_INDEX_URL:-$("$venv/bin/python" -m pip config get global.index-url 2>/dev/null || true)}
    set -- --quiet --require-hashes --no-deps --only-binary :all: --no-binary connection-pool --no-build-isolation -r "$1"
    UV_HTTP_TIMEOUT=${PIP_DEFAULT_TIMEOUT:-60} "$venv/bin/uv" pip install --python "$venv/bin/python" \
        ${index:+--default-index "$index"} "$@" || "$venv/bin/python" -m pip install "$@"
}

# Installs torch with pip, which takes a CPU wheel if pip's settings offer one. uv does not read these settings.
install_torch() {
    echo "Installing torch (without a CPU wheel at hand this downloads about 3 GB on Linux)"
    "$venv/bin/python" -m pip install --only-binary :all: -r "$1"
}

make_venv() {
    python=$(find_python)
    echo "Making .venv with $python"
    rm -f "$made_from"
    "$python" -m venv --clear "$venv"

    # The locked pip, setuptools and uv are installed first. They install everything else.
    awk '/^[a-z]/ { keep = /^(pip|setuptools|uv)==/ } keep' "$lock" >"$venv/installers.lock"
    "$venv/bin/python" -m pip install --quiet --require-hashes --only-binary :all: -r "$venv/installers.lock"
    install_locked "$lock"
    "$venv/bin/python" -m pip check --quiet

    # With this file `python -m jamming` finds the package of this folder. The rules set PYTHONPATH, which comes before it.
    for packages in "$venv"/lib/python3.*/site-packages; do
        if [ -d "$packages" ]; then echo "$(pwd -P)/workflow" >"$packages/jamming.pth"; fi
    done

    wanted >"$made_from.part"
    mv "$made_from.part" "$made_from"
}

# Runs a command with a file of envs/, unless it has done so before with the same content of the file.
add() {
    added=$venv/added-$(basename "$2")
    if cmp -s "$2" "$added"; then return; fi
    "$1" "$2"
    "$venv/bin/python" -m pip check --quiet
    cp "$2" "$added"
}

if ! is_made; then make_venv; fi
for extra in "$@"; do
    case $extra in
    test) add install_locked envs/requirements-test.lock ;;
    torch) add install_torch envs/requirements-torch.txt ;;
    esac
done
