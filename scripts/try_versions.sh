#!/usr/bin/env bash
# Tests the package with the lowest or the latest versions that pyproject.toml allows, one fresh environment after another:
#
#     scripts/try_versions.sh lowest|latest [PYTHON...]      (default: every Python 3.10 to 3.13 that is found)
#
# The tests that meet the packages' interfaces run, not all. An environment takes about 6 GB where torch comes with CUDA
# (UV_TORCH_BACKEND=cpu leaves that out) and is removed before the next one is made. Needs uv.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

which=${1:?"say lowest or latest"}
shift
case $which in
    # Transformers has two lowest versions: that of [siglip], tested here, and the later one of [baselines].
    lowest) resolution=lowest-direct extras=(raster ray siglip) ;;
    latest) resolution=highest extras=(raster ray siglip baselines) ;;
    *) echo "say lowest or latest, not $which" >&2; exit 2 ;;
esac
pythons=("$@")
if [ ${#pythons[@]} -eq 0 ]; then
    for version in 3.10 3.11 3.12 3.13; do
        if found=$(uv python find --no-python-downloads --no-project "$version" 2> /dev/null); then pythons+=("$found"); fi
    done
fi
tests=(tests/test_package.py tests/rasters tests/geo/test_files.py tests/geo/test_regions.py tests/cli/test_doctor.py
    tests/guidance/clip tests/guidance/prompting tests/guidance/test_structure.py tests/nodes/test_mappings.py
    tests/sinddm/network/test_model_file.py tests/sinddm/network/test_official.py tests/evaluation/test_measures.py)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git archive HEAD | tar -x -C "$(mkdir "$work/tree" && echo "$work/tree")"
uv build -q --wheel --out-dir "$work/wheel" "$work/tree"

status=0
for python in "${pythons[@]}"; do
    echo "== $which with $("$python" --version)"
    uv venv -q --python "$python" "$work/env"
    export VIRTUAL_ENV="$work/env"
    # Wheels alone: a version that this Python has no wheel of is passed over for the next one.
    if uv pip install -q --resolution $resolution --only-binary :all: -r pyproject.toml "${extras[@]/#/--extra=}" \
        && uv pip install -q --only-binary :all: aiohttp pytest pytest-httpserver \
        && uv pip install -q --no-deps "$work"/wheel/*.whl; then
        uv pip freeze
        (cd "$work/tree" && "$work/env/bin/python" -m pytest -p no:cacheprovider "${tests[@]}") \
            || { echo "FAILED: $which, $python"; status=1; }
    else
        echo "FAILED: $which cannot be installed, $python"; status=1
    fi
    rm -rf "$work/env"
done
exit "$status"
