"""Windows of performances: from shards to batches, and between MIDI and a model's tensors."""
