"""A script of the user's in a child process, unedited, with its training under observation."""
