"""One module per event that the control plane reacts to."""
