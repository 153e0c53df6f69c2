"""Step Functions: what moto 5.2.5's ASL interpreter lacks or gets wrong, repaired. Each module installs one group of repairs."""
