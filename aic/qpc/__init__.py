"""The QPC: the file that a compiled network is delivered in.

One file per part of the format: `container` (named segments), `descriptor` (networkdesc.bin), `elf` and `metadata`
(network.elf), `constants` (constantsdesc.bin), `encoding` and `decoding` (the NSP program), `validate` (all
cross-checks).
"""
