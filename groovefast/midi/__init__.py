"""MIDI files: reading, writing, changing what is in them, and drawing it."""
