"""The methods that ``fit`` considers on a table."""
