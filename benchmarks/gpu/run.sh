#!/bin/sh
# Everything that is measured on one GPU, in one command: benchmarks/gpu/run.sh [OUT] [DEVICE]
#
# OUT (default benchmarks/results/gpu; a relative one is below the project) gets kernels.json (every attention backend
# and the loss: correctness against fp32, milliseconds), train-124m.json and train-1b.json (beside the two other loops)
# with tokens/s and MFU in *-loops.json, profile/ (a trace of our steps and a table), machine.json, and all of it in
# results.json. DEVICE cpu runs the same on small shapes, to check the script itself.
set -eu
cd "$(dirname "$0")/../.."
out=${1:-benchmarks/results/gpu}
device=${2:-cuda}
python=${PYTHON:-python}
mkdir -p "$out"
if [ "$device" = cpu ]; then first="--shape tiny --seconds 2 --no-compile" second=$first; else
  first="--shape 124m --seconds 60" second="--shape 1b --seconds 60"; fi

"$python" -m benchmarks.gpu.describe --device "$device" --json "$out/machine.json"
for name in kernels train-124m train-124m-loops train-1b train-1b-loops results; do rm -f "$out/$name.json"; done
"$python" -m benchmarks.gpu.kernels --device "$device" --json "$out/kernels.json"
# shellcheck disable=SC2086  # the options are words
"$python" -m benchmarks.train --device "$device" $first --json "$out/train-124m.json" --details "$out/train-124m-loops.json"
# shellcheck disable=SC2086
"$python" -m benchmarks.train --device "$device" $second --json "$out/train-1b.json" --details "$out/train-1b-loops.json"
"$python" -m benchmarks.gpu.profile_steps --device "$device" --out "$out"
"$python" - "$out" <<'PYTHON'
import json
import sys
from pathlib import Path

out = Path(sys.argv[1])
names = ("machine", "kernels", "train-124m", "train-124m-loops", "train-1b", "train-1b-loops")
found = {name: json.loads((out / f"{name}.json").read_text()) for name in names if (out / f"{name}.json").exists()}
(out / "results.json").write_text(json.dumps(found, indent=1) + "\n")
print(json.dumps(found, indent=1))
PYTHON
