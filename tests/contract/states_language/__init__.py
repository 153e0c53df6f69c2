"""What of Amazon States Language must work: cases by kind of state."""
