"""Floor 9: commands. Each imports what it needs inside its function, so that help and errors come at once."""
