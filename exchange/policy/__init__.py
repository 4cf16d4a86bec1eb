"""The steward's flow, and the policy decision point (PDP): from files to one pure `decide`.

Nothing here reads a clock, a network or, after `tree.read_tree`, a disk. Deny is a value; an invalid file is
a `PolicyInvalid` that names file, line and mend.
"""
