"""The consumer's side of the access flow: steps 1, 9 and the consumer's half of 10."""
