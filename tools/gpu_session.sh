#!/usr/bin/env bash
# Everything that vggsweep has to show on a GPU, in order of value, in about seven minutes.
#
#   tools/gpu_session.sh                     all parts on the CUDA device; results in gpu-session/
#   tools/gpu_session.sh --rehearse          every part in small form on the CPU
#   tools/gpu_session.sh --parts "tests run" only these: tests run suite sweep
#   tools/gpu_session.sh --fetch-wheels      on a machine with a network: what the GPU machine lacks, into wheels/
#
#   --out DIR     results: a line per part in parts.tsv, all output in session.log, suite.json, sweeps.tar.gz
#   --wheels DIR  wheels that are installed where Hydra or Optuna is missing (default: wheels/)
#   --data DIR    Fashion-MNIST's four .gz files (default: data/, else the places where vggsweep looks)
#   --suite "…"   further words for benchmarks/gpu_suite.py, such as "--parts chapter vgg16"
#
# The machine needs torch, torchvision and the usual scientific packages, and no network. Each part has a time
# limit of its own and leaves its result on the disk when it ends, so that a session that is cut off still counts.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
checkout=$(pwd -P)
python=${PYTHON:-$([ -x .venv/bin/python ] && echo "$checkout/.venv/bin/python" || command -v python3)}

out=gpu-session wheels=wheels data=data device=cuda small=0 parts="tests run suite sweep" suite_words="" fetch=0
while [ $# -gt 0 ]; do
    case $1 in
        --rehearse) device=cpu small=1 ;;
        --fetch-wheels) fetch=1 ;;
        --out | --wheels | --data | --parts | --suite)
            [ $# -gt 1 ] || { echo "gpu_session: $1 needs a value" >&2; exit 2; }
            case $1 in
                --out) out=$2 ;; --wheels) wheels=$2 ;; --data) data=$2 ;; --parts) parts=$2 ;; --suite) suite_words=$2 ;;
            esac
            shift ;;
        --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
        *) echo "gpu_session: $1 is no option; see tools/gpu_session.sh --help" >&2; exit 2 ;;
    esac
    shift
done
for part in $parts; do
    case $part in tests | run | suite | sweep) ;; *) echo "gpu_session: no part $part; there are tests run suite sweep" >&2; exit 2 ;; esac
done

# What a machine with torch and the scientific packages lacks; versions are those of constraints.txt.
packages="alembic cmaes colorlog filelock hydra-core hydra-joblib-launcher hydra-optuna-sweeper hypothesis iniconfig Mako
    omegaconf optuna platformdirs pluggy pooch pytest pytest-timeout sortedcontainers SQLAlchemy"
if [ $fetch = 1 ]; then
    mkdir -p "$wheels"
    for name in $packages; do grep -i "^$name==" constraints.txt || { echo "constraints.txt lacks $name" >&2; exit 1; }; done |
        xargs "$python" -m pip download --quiet --no-deps --only-binary=:all: --python-version "${GPU_PYTHON:-3.12}" \
            --implementation cp --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 \
            --platform manylinux2014_x86_64 --platform manylinux_2_5_x86_64 --dest "$wheels" || exit 1
    # its code comes from the checkout; Hydra finds the plugin by the wheel's entry points
    "$python" -m pip wheel --quiet --no-deps --wheel-dir "$wheels" . || exit 1
    du -sh "$wheels"
    exit 0
fi

mkdir -p "$out"
out=$(cd "$out" && pwd -P)
work=$(mktemp -d)
if [ -d "$data" ]; then # vggsweep looks in a folder of the set's name
    ln -s "$(cd "$data" && pwd -P)" "$work/fashion_mnist"
    data=$work
    export VGGSWEEP_DATA=$work
else
    data=""
fi
trap 'rm -rf "$work"' EXIT
export PYTHONPATH=$checkout PYTHONUNBUFFERED=1 COLUMNS=160
: >"$out/parts.tsv"
: >"$out/session.log"
if ! "$python" -c 'import hydra, optuna' 2>/dev/null; then
    "$python" -m pip install --quiet --no-index --no-deps --no-compile --no-cache-dir --target "$work/site" "$wheels"/*.whl || {
        echo "gpu_session: Hydra and Optuna are missing, and $wheels has no wheels of them: tools/gpu_session.sh --fetch-wheels" >&2
        exit 1
    }
    export PYTHONPATH=$checkout:$work/site
fi
cd "$work"

# timed NAME SECONDS COMMAND…: a line in parts.tsv, all output in session.log.
timed() {
    local name=$1 limit=$2 started=$SECONDS code=0
    [ $small = 0 ] || limit=$((4 * limit)) # a rehearsal is about whether it runs
    shift 2
    printf '\n== %s (at most %d s): %s\n' "$name" "$limit" "$*" >>"$out/session.log"
    timeout --kill-after=5 "$limit" "$@" >>"$out/session.log" 2>&1 </dev/null || code=$?
    case $code in 0) state=done ;; 124 | 137) state="out of time" ;; *) state="failed ($code)" ;; esac
    printf '%s\t%s\t%d\n' "$name" "$state" $((SECONDS - started)) >>"$out/parts.tsv"
    echo "$name: $state after $((SECONDS - started)) s" >&2
    return $code
}
vggsweep() { "$python" -m vggsweep "$@"; }

tests() {
    local what=(-m cuda tests/training tests/data tests/measure tests/test_trial_on_cuda.py)
    [ $small = 1 ] && what=(tests/training/test_device_path.py)
    (cd "$checkout" && timed "tests" 90 "$python" -m pytest -q -rs --durations=8 -p no:cacheprovider \
        --continue-on-collection-errors "${what[@]}")
}

run() {
    local words=("device=$device" "measure=default") epochs=5 real=(dataset=fashion_mnist) sweep
    [ $small = 1 ] && words+=("dataset.limit=256" "train.batch_size=64") && epochs=1
    [ $small = 1 ] && [ -z "$data" ] && real=()
    timed "a single run" 40 "$python" -m vggsweep arch.depth=8 "train.epochs=$epochs" "${words[@]}" sweep.name=gpu_single
    sweep=(-m experiment=quickstart n_trials=8 n_workers=2 "${words[@]}" sweep.name=gpu_sweep)
    setsid "$python" -m vggsweep "${sweep[@]}" >>"$out/session.log" 2>&1 </dev/null &
    local group=$!
    for _ in $(seq 300); do # until the first results are there
        [ "$(ls outputs/gpu_sweep/trials/*/record.json 2>/dev/null | wc -l)" -ge 2 ] && break
        kill -0 $group 2>/dev/null || break
        sleep .1
    done
    kill -KILL -- -$group 2>/dev/null
    wait $group 2>/dev/null
    echo "killed with $(ls outputs/gpu_sweep/trials/*/record.json 2>/dev/null | wc -l) results" >>"$out/session.log"
    timed "the killed sweep, continued" 60 "$python" -m vggsweep "${sweep[@]}"
    timed "its table" 20 "$python" -m vggsweep table gpu_sweep
    timed "two workers, Fashion-MNIST" 60 "$python" -m vggsweep -m "${real[@]}" arch.depth=4,8 arch.width=16 \
        "train.epochs=$epochs" n_workers=2 "${words[@]}" sweep.name=gpu_fashion
    timed "its table" 20 "$python" -m vggsweep table gpu_fashion
}

suite() {
    local words=(--device "$device" --json "$out/suite.json")
    [ $small = 1 ] && words+=(--quick)
    [ -n "$data" ] && words+=(--data "$data")
    timed "suite" 240 "$python" "$checkout/benchmarks/gpu_suite.py" "${words[@]}" $suite_words
}

# What time is left goes into a sweep that one reads about: is deeper better at equal cost?
sweep() {
    local words=(-m experiment=iso_macs "device=$device" n_workers=4)
    [ $small = 1 ] && words=(-m experiment=iso_macs_mini "device=$device" n_workers=2 n_trials=2 dataset.limit=256 train.epochs=1)
    local left=$((limit - SECONDS - 15))
    [ $left -gt 15 ] || { printf '%s\t%s\t%d\n' "iso_macs" "no time left" 0 >>"$out/parts.tsv"; return; }
    timed "iso_macs" $((left + 10)) "$python" -m vggsweep "${words[@]}" "sweep.timeout=$left" sweep.name=iso_macs_gpu
    timed "its table" 20 "$python" -m vggsweep table iso_macs_gpu --group-by depth
}

limit=${GPU_SESSION_SECONDS:-420}
SECONDS=0
[ $small = 0 ] && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader >>"$out/session.log" 2>&1
for part in $parts; do
    "$part"
    tar --exclude='*.pt*' --exclude='*.db*' -czf "$out/sweeps.tar.gz" outputs 2>/dev/null
done
printf '\n%-32s %-14s %s\n' part state seconds
awk -F '\t' '{ printf "%-32s %-14s %7d\n", $1, $2, $3 }' "$out/parts.tsv"
printf '%-32s %-14s %7d\n' all "" $SECONDS
sed -n '/^figure /,/^$/p' "$out/session.log"
! grep -q 'failed' "$out/parts.tsv"
