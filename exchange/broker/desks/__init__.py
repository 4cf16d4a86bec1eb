"""What the broker answers beside the front door, one desk for each kind of question."""
