"""How well and how fast the trainer learns."""
