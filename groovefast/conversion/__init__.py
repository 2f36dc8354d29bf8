"""Folders of MIDI files to TFRecord shards."""
