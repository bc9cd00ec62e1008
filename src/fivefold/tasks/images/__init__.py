"""Images: reading, duplicates, networks, choice and calibrated prediction."""
