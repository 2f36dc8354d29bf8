"""The model, as the papers have it, and models on disk."""
