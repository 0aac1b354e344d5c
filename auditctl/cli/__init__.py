"""The command line: words become the options of a command."""
