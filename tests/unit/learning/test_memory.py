"""What a network needs in memory, measured in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from trainer import memory
from trainer.memory import memory_mb

WIDE = 3_600
WIDE_MB = WIDE * WIDE * 4 / 1e6


def multiplication(path: Path, size: int) -> Path:
    weights = numpy_helper.from_array(np.ones((size, size), np.float32), "weights")
    shape = ["batch", size]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["in", "weights"], ["out"])],
        "one",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)],
        [weights],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def example(size: int) -> dict[str, np.ndarray]:
    return {"in": np.zeros((1, size), np.float32)}


@pytest.fixture(autouse=True)
def once(monkeypatch):
    monkeypatch.setattr(memory, "TRIES", 1)


def test_a_network_needs_at_least_its_weights_and_a_tiny_one_nearly_nothing_whatever_the_measuring_process_holds(tmp_path):
    held = np.ones(40_000_000)  # 320 MB: neither network needs them
    small, large = (
        memory_mb(multiplication(tmp_path / "s.onnx", 4), example(4)),
        memory_mb(multiplication(tmp_path / "l.onnx", WIDE), example(WIDE)),
    )
    assert held[0] == 1
    assert 0 <= small < 40
    assert small + WIDE_MB < large < small + 5 * WIDE_MB


def test_the_median_of_the_tries_counts(monkeypatch):
    monkeypatch.setattr(memory, "TRIES", 3)
    found = iter([50.0, 90.0, 49.04])
    monkeypatch.setattr(memory, "_child", lambda *_: next(found))
    assert memory_mb(Path("any.onnx"), example(1)) == 50.0


@pytest.mark.parametrize("program", ["/no/such/python", "/bin/false", "/bin/true"])
def test_where_it_cannot_be_measured_it_is_none_and_the_log_says_so(monkeypatch, tmp_path, capfd, program):
    monkeypatch.setattr(sys, "executable", program)
    assert memory_mb(tmp_path / "n.onnx", example(1)) is None
    assert "memory of n.onnx is not known" in capfd.readouterr().err


def test_a_network_that_cannot_be_loaded_needs_nobody_knows_what(tmp_path):
    (tmp_path / "n.onnx").write_bytes(b"no network")
    assert memory_mb(tmp_path / "n.onnx", example(1)) is None
