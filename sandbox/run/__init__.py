"""One sandbox run from start to end: everything is started, the pipeline executed, the result proven and cleaned up."""
