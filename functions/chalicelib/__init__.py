"""The control plane behind functions/app.py: app > api | steps | reactions > bootstrap > adapters | service > ports > domain > settings."""
