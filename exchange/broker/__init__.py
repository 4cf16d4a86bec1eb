"""The control plane: registrations, decisions, tickets, receipts. Access flow, steps 2 to 5 and 10.

The broker plays the policy information point (`registry`, `windows`), calls the policy decision point
(`exchange.policy`) and is an enforcement point itself: it issues tickets. Data never passes through it.
"""
