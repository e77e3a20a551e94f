#!/bin/sh
# Writes requirements.lock and requirements-test.lock from their .in, for Python 3.11 and later on Linux and macOS.
# Run by `make lock`.
# Versions already locked are kept where the .in allows it; delete a lock first to take the newest of all.
set -eu
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"${PYTHON:-python3}" -m venv "$scratch/venv"
pip="$scratch/venv/bin/pip"
"$pip" install --quiet "$(sed -n 's/^uv==/&/p' envs/requirements.in)"

# uv does not read pip's configuration. The index is used, never written to the lock.
index=${PIP_INDEX_URL:-$("$pip" config get global.index-url 2>/dev/null || true)}

# One version for all Pythons (fork strategy), so that results do not depend on which of them a machine has.
lock() {
    "$scratch/venv/bin/uv" pip compile ${index:+--default-index "$index"} --no-config --quiet \
        --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
        --output-file "envs/$1.lock" "envs/$1.in" $2
}

lock requirements ""
# Where both locks have a package, they have the same version.
lock requirements-test "--constraints envs/requirements.lock"
