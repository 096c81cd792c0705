"""Networks through every level of the compiler, against onnxruntime."""
