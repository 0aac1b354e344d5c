"""auditctl exports audit logs."""

__version__ = "0.1.0"
