"""The fix applied to a copy of the script, trained beside it, and its effect measured."""
