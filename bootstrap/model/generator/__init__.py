"""Generates the training data of the embedded code model."""
