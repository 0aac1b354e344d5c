"""Records, and what is read in events to make them."""
