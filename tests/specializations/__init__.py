"""Networks for several shapes, and state that stays on the card."""
