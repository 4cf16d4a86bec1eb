"""The Merkle tree, signed notes and checkpoints that records are proven by."""
