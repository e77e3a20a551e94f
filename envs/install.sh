#!/bin/sh
# Makes .venv from the lock, or does nothing if .venv was made from this very lock. `install.sh test torch` adds what
# the tests need and torch, each once. Run by `make setup`, `make setup-torch`, `make test`.
# PYTHON names the interpreter; without it the first suitable one on PATH is taken, Python 3.11 preferred.
set -eu
cd "$(dirname "$0")/.."

lock=envs/requirements.lock
venv=.venv
made_from=$venv/made-from

# A setting of the user's that would install elsewhere than in .venv
export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1

# Prints the interpreter behind "$1" if it runs and has what pip and Snakemake need; fails otherwise. Only running it
# tells: a pyenv shim may exist and yet not run, and Debian's python3 may come without ensurepip.
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

# What .venv must have been made from: this folder (its scripts hold the path) and these versions.
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

# Installs a locked file with uv, in a tenth of pip's time. uv does not read pip's settings: it is told the index, and
# where it cannot reach that, pip tries. One package has no wheel (connection-pool, pure Python); setuptools builds it.
install_locked() {
    index=${PIP_INDEX_URL:-$("$venv/bin/python" -m pip config get global.index-url 2>/dev/null || true)}
    set -- --quiet --require-hashes --no-deps --only-binary :all: --no-binary connection-pool --no-build-isolation -r "$1"
    UV_HTTP_TIMEOUT=${PIP_DEFAULT_TIMEOUT:-60} "$venv/bin/uv" pip install --python "$venv/bin/python" \
        ${index:+--default-index "$index"} "$@" || "$venv/bin/python" -m pip install "$@"
}

# With pip, which takes a CPU wheel where one is offered; uv does not know pip's places to look.
install_torch() {
    echo "Installing torch (without a CPU wheel at hand this downloads about 3 GB on Linux)"
    "$venv/bin/python" -m pip install --only-binary :all: -r "$1"
}

make_venv() {
    python=$(find_python)
    echo "Making .venv with $python"
    rm -f "$made_from"
    "$python" -m venv --clear "$venv"

    # The installers come first, so that the locked ones install everything else.
    awk '/^[a-z]/ { keep = /^(pip|setuptools|uv)==/ } keep' "$lock" >"$venv/installers.lock"
    "$venv/bin/python" -m pip install --quiet --require-hashes --only-binary :all: -r "$venv/installers.lock"
    install_locked "$lock"
    "$venv/bin/python" -m pip check --quiet

    # `python -m jamming` finds the package of this folder. PYTHONPATH, which the rules set, comes before it.
    for packages in "$venv"/lib/python3.*/site-packages; do
        if [ -d "$packages" ]; then echo "$(pwd -P)/workflow" >"$packages/jamming.pth"; fi
    done

    wanted >"$made_from.part"
    mv "$made_from.part" "$made_from"
}

# Runs a command with a file of envs/, unless it did so with this very file before.
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
