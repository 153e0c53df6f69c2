"""AWS on one machine: `python -m twin` runs the deployed template on a repaired moto. Importing this package does nothing."""
