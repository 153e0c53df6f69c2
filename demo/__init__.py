"""`make demo`: the main job on this machine, with the commands a user would type."""
