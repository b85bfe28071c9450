#!/usr/bin/env bash
# Builds the release files as they would be published, and uses the wheel as a stranger would: in a fresh environment,
# outside the source tree, with an empty home.
#
#     scripts/try_wheel.sh [OUT]      (keeps the wheel, the sdist and a CycloneDX list of what was installed in OUT)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=${1:+$(mkdir -p "$1" && cd "$1" && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree" "$work/home" "$work/elsewhere"
git archive HEAD | tar -x -C "$work/tree"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

python3 -m venv "$work/tools"
"$work/tools/bin/pip" install -q build pip-audit twine
"$work/tools/bin/python" -m build --outdir "$work/dist" "$work/tree" > "$work/build.log" || { tail -20 "$work/build.log"; exit 1; }
"$work/tools/bin/twine" check --strict "$work"/dist/*
sha256sum "$work"/dist/*
if [ -n "$out" ]; then cp "$work"/dist/* "$out"; fi

python3 -m venv "$work/env"
"$work/env/bin/pip" install -q "$work"/dist/*.whl
cd "$work/elsewhere"
run() { env -i PATH="$work/env/bin:/usr/bin:/bin" HOME="$work/home" LANG=C.UTF-8 "$@"; }
run sinddm-rs doctor
scene=$(run python -I -c 'import comfyui_sinddm_rs as p; print(p.__path__[0])')/scenes/forest.png
run python -I -c 'import sys; from PIL import Image; Image.open(sys.argv[1]).crop((0, 0, 128, 128)).save("scene.png")' "$scene"
run sinddm-rs edit scene.png "A fire in the forest" -o edited.png
test -s edited.png

# What is known against the packages that were installed, and a list of them. "Dependency not found" means that the
# vulnerability service did not answer for that package, not that the package is sound: --strict makes that a failure.
"$work/env/bin/pip" freeze --all --exclude comfyui-sinddm-rs > "$work/installed.txt"
audit=("$work/tools/bin/pip-audit" --no-deps --disable-pip -r "$work/installed.txt")
if [ -n "$out" ]; then "${audit[@]}" -f cyclonedx-json -o "$out/sbom.json" || true; fi
"${audit[@]}" --strict
