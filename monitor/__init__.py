"""Capture, profiles, drift, accuracy and alerts of served models."""
