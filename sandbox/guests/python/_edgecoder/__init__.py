"""The guest half of the executor, frozen into the snapshot with the interpreter."""
