"""How a network is divided into parts that run together: decisions as plain data, and rewrites that follow them."""
