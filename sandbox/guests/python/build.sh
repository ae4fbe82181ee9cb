#!/usr/bin/env bash
# Builds the Python guest: app.py, frozen with CPython 3.14 into one component, its libraries linked into one module
# that counts its fuel. For maintainers: the result is not reproducible byte for byte, so each build is a new profile.
# Needs cargo, npm, and of Debian clang-19, lld-19, python3-venv and zstd; and the network.
set -euo pipefail
cd "$(dirname "$0")"

debian="apt-get install clang-19 lld-19 npm python3-venv zstd"
for needed in cargo clang-19 npm python3 sha256sum wasm-ld-19 zstd; do
  command -v "$needed" >/dev/null || { echo "$needed is missing (Debian: $debian; cargo: https://rustup.rs)" >&2; exit 69; }
done
python3 -c 'import ensurepip' 2>/dev/null || { echo "python3 cannot make environments (Debian: $debian)" >&2; exit 69; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Of the wheel for x86-64 Linux, as PyPI lists it.
echo 'componentize-py==0.25.1 --hash=sha256:8623cd8cab8453cb0cd8bf03f3c7103420d06f2f3d360186a280a70a1ca5e89f' >"$work/requirements.txt"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r "$work/requirements.txt"
(cd "$work" && npm pack --silent binaryen@132.0.0 >/dev/null)
echo "6543555fb29bb92548f325c7dc18e9ab7dbb1215edda25993d1e3f71d85b8618  $work/binaryen-132.0.0.tgz" | sha256sum --check --quiet
npm install --silent --no-audit --no-fund --prefix "$work" "$work/binaryen-132.0.0.tgz"
cargo install --quiet --locked --root "$work" --version 1.263.0 --no-default-features --features component,parse,print,validate wasm-tools
export PATH="$work/bin:$work/node_modules/.bin:$PATH"

# A copy without caches, so that what was left lying here does not get in.
cp -r app.py _edgecoder wit "$work/"
find "$work/_edgecoder" -name __pycache__ -prune -exec rm -rf {} +
clang-19 --target=wasm32-wasip1 -ffreestanding -fPIC -fvisibility=hidden -O3 -Wall -Wextra -Werror -c allocator.c -o "$work/allocator.o"
wasm-ld-19 -shared --experimental-pic --unresolved-symbols=import-dynamic "$work/allocator.o" \
  -o "$work/_edgecoder/allocator.cpython-314-wasm32-wasi.so"
"$work/venv/bin/componentize-py" --wit-path "$work/wit" --world guest componentize app --python-path "$work" --output "$work/libraries.wasm"
mkdir "$work/linking"
python3 -B ../link.py "$work/libraries.wasm" "$work/python.wasm" "$work/linking"

zstd -19 --quiet --force "$work/python.wasm" -o python-3.14.wasm.zst
sha256sum "$work/python.wasm" | cut -d ' ' -f 1 >python-3.14.sha256
echo "python-3.14.wasm.zst: $(stat -c %s python-3.14.wasm.zst) bytes, sha256 of the component $(cat python-3.14.sha256)"
