"""Step 8: pure kernels that turn what a source delivers into what may leave."""
