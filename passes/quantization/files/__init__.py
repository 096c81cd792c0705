"""The files of quantization: profiles, external encodings, and lists of nodes that stay in fp16.

docs/quantization-files.md shows their forms.
"""
