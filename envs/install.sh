#!/bin/sh
# Makes .venv from the lock, or does nothing if .venv was made from this very lock. Run by `make setup`.
# PYTHON names the interpreter; without it the first suitable one on PATH is taken, Python 3.11 preferred.
set -eu
cd "$(dirname "$0")/.."

lock=envs/requirements.lock
torch=envs/requirements-torch.txt
venv=.venv
made_from=$venv/made-from

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
    cat "$lock" "$torch"
}

version_of() {
    "$1" -c 'import sys; print(sys.version, sys.base_prefix)' 2>/dev/null
}

is_made() {
    [ -f "$made_from" ] && wanted | cmp -s - "$made_from" || return 1
    made_with=$(version_of "$venv/bin/python") || return 1
    [ -z "${PYTHON:-}" ] || [ "$made_with" = "$(version_of "$PYTHON")" ]
}

if is_made; then exit 0; fi

python=$(find_python)
echo "Making .venv with $python"
rm -f "$made_from"
"$python" -m venv --clear "$venv"

# A setting of the user's that would install elsewhere than in .venv
export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1

# pip and setuptools come first, for everything after them is installed, and one package without a wheel
# (connection-pool, pure Python) built, by the locked ones rather than by whatever the index offers that day.
awk '/^[a-z]/ { keep = /^(pip|setuptools)==/ } keep' "$lock" >"$venv/installers.lock"
"$venv/bin/python" -m pip install --quiet --require-hashes --only-binary :all: -r "$venv/installers.lock"
"$venv/bin/python" -m pip install --quiet --require-hashes --only-binary :all: --no-binary connection-pool \
    --no-build-isolation -r "$lock"

echo "Installing torch (without a CPU wheel at hand this downloads about 3 GB on Linux)"
"$venv/bin/python" -m pip install --only-binary :all: -r "$torch"
"$venv/bin/python" -m pip check

# `python -m jamming` finds the package of this folder. PYTHONPATH, which the rules set, comes before it.
for packages in "$venv"/lib/python3.*/site-packages; do
    if [ -d "$packages" ]; then echo "$(pwd -P)/workflow" >"$packages/jamming.pth"; fi
done

wanted >"$made_from.part"
mv "$made_from.part" "$made_from"
