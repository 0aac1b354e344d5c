"""auditctl.toml: sources with their settings."""
