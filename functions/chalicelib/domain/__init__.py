"""The things that droplearn keeps, and the rules about them. Pure."""
