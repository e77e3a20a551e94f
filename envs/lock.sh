#!/bin/sh
# Writes requirements.lock and requirements-test.lock from their .in files, for Python 3.11 and later on Linux and macOS.
# `make lock` runs this script.
# It keeps the versions in the lock if the .in file allows them. To take the newest versions, delete the lock first.
set -eu
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"${PYTHON:-python3}" -m venv "$scratch/venv"
pip="$scratch/venv/bin/pip"
"$pip" install --quiet "$(sed -n 's/^uv==/&/p' envs/requirements.in)"

# uv does not read pip's configuration, so it is given the index. The index is never written to the lock.
index=${PIP_INDEX_URL:-$("$pip" config get global.index-url 2>/dev/null || true)}

# All Pythons get the same versions (fork strategy), so that results do not depend on the Python of a machine.
lock() {
    "$scratch/venv/bin/uv" pip compile ${index:+--default-index "$index"} --no-config --quiet \
        --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
        --output-file "envs/$1.lock" "envs/$1.in" $2
}

lock requirements ""
# A package in both locks has the same version in both.
lock requirements-test "--constraints envs/requirements.lock"
