"""What is fitted to a trained model, and kept beside its weights."""
