"""From the cells of a table to the numbers that models see. Trainer, evaluator and server use the same code and the same JSON."""
