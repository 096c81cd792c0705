"""Networks in PyTorch, ready to be exported: random weights with a fixed seed, so that nothing is downloaded. They need
the extra `models`.
"""
