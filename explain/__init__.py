"""Explanations of single captured predictions."""
