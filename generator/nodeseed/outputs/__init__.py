"""Effects: what is written, and only after everything was worked out."""
