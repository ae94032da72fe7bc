"""What is measured on: python -m benchmarks.gpu.describe --json FILE. Ends with 2 where the device is not there."""

import argparse
import json
import sys
from pathlib import Path

import torch

from benchmarks import machine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda")
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        print("benchmarks.gpu: torch finds no GPU here; for a trial of the script give cpu as device.", file=sys.stderr)
        sys.exit(2)
    described = machine.describe(("torch", "transformers", "accelerate", "numpy"), {})
    if arguments.device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        described |= {
            "gpu": properties.name,
            "gpu_memory_gb": round(properties.total_memory / 1e9, 1),
            "capability": f"{properties.major}.{properties.minor}",
            "cuda": torch.version.cuda,
        }
    arguments.json.write_text(json.dumps(described, indent=1) + "\n")


if __name__ == "__main__":
    main()
