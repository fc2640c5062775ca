"""The same pipeline on one machine: the real template, state machine and handlers in simulated surroundings."""
