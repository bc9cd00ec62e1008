"""Tables: reading, typing, encoding, candidates, choice and calibrated prediction."""
