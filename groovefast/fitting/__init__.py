"""What is fitted to a trained model: nothing of its weights changes."""
