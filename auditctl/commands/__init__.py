"""The commands of the program, but for those of sync."""
