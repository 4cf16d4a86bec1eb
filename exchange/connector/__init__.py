"""The policy enforcement point beside a department's data: access flow, steps 6 to 10."""
