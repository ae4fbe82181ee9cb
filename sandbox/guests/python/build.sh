#!/usr/bin/env bash
# Builds the Python guest: app.py, frozen with CPython 3.14 into one component. For maintainers: the result is
# not reproducible byte for byte, so each build is a new profile. Needs python3-venv, zstd and the network.
set -euo pipefail
cd "$(dirname "$0")"

for needed in python3 zstd sha256sum; do
  command -v "$needed" >/dev/null || { echo "$needed is missing (Debian: apt-get install python3-venv zstd)" >&2; exit 69; }
done
python3 -c 'import ensurepip' 2>/dev/null || { echo "python3 cannot make environments (Debian: apt-get install python3-venv)" >&2; exit 69; }

# Of the wheel for x86-64 Linux, as PyPI lists it.
requirement='componentize-py==0.25.1 --hash=sha256:8623cd8cab8453cb0cd8bf03f3c7103420d06f2f3d360186a280a70a1ca5e89f'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
echo "$requirement" >"$work/requirements.txt"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r "$work/requirements.txt"

# A copy without caches, so that what was left lying here does not get in.
cp -r app.py _edgecoder wit "$work/"
find "$work/_edgecoder" -name __pycache__ -prune -exec rm -rf {} +
"$work/venv/bin/componentize-py" --wit-path "$work/wit" --world guest componentize app --python-path "$work" --output "$work/python.wasm"

zstd -19 --quiet --force "$work/python.wasm" -o python-3.14.wasm.zst
sha256sum "$work/python.wasm" | cut -d ' ' -f 1 >python-3.14.sha256
echo "python-3.14.wasm.zst: $(stat -c %s python-3.14.wasm.zst) bytes, sha256 of the component $(cat python-3.14.sha256)"
