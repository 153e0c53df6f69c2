"""What others would run: started with the peers' Python, never imported by the product."""
