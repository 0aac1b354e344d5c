"""One module per provider, found through the entry point group ``auditctl.providers``."""
