"""Measuring edits: runs of methods over scenes, scores, ratings and the report."""
