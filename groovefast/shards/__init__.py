"""TFRecord shards: which there are, what they say of themselves, and what is in them."""
