"""The two gates that must both open: grants (Casbin) and conditions (Rego)."""
