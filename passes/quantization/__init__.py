"""How networks are quantized: what the integers of each tensor stand for, and which ops compute on them."""
