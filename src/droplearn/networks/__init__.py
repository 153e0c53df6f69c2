"""Network definitions that several scenarios share: a pure table, the torch form, and the ONNX form, each importable without the others."""
