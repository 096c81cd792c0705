"""Files that go into and come out of inferences: raw tensors, row-major and little endian, and lists of them."""
