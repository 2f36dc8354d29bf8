"""Drums as sound."""
