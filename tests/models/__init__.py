"""The networks that tests run, their inputs, and what onnxruntime says they yield."""
