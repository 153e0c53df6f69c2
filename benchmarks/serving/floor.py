"""The CPU floor: decode, run and answer in this process: no HTTP, no JSON, no threads but those named. No server can do with less.

`python -m benchmarks.serving.floor MODEL_DIR SET SECONDS THREADS` prints pictures per second.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.serving.pictures import pictures
from droplearn.scenarios import scenario_named
from server.engine import OrtEngine
from server.model_folder import network_path, read_manifest


def main(model_dir: Path, name: str, seconds: float, threads: int) -> None:
    manifest = read_manifest(model_dir)
    predictor = scenario_named(manifest.scenario).load_serving().load(model_dir, manifest)
    engine, raws = OrtEngine(network_path(model_dir, manifest), manifest), pictures(name)

    def work(until: float) -> int:
        done = 0
        while time.perf_counter() < until:
            given = predictor.decode(raws[done % len(raws)])
            predictor.answer(engine.run(given.tensors), given.meta, {})
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, [time.perf_counter() + 0.3] * threads))
        started = time.perf_counter()
        done = sum(pool.map(work, [started + seconds] * threads))
        print(done / (time.perf_counter() - started))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
