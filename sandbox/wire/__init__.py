"""What the sandbox's servers have in common at their sockets: who calls, what for, and what shall go wrong."""
