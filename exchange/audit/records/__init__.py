"""What a record is: its kinds, its canonical form, how it is read back and checked."""
