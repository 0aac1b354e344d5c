"""A Delta table as a destination: data and progress in one transaction, no other state."""
