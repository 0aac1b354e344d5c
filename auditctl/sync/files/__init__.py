"""Files as a destination: a line of the journal beside them is the commit, no other state."""
