"""Reads one text: each extractor takes care of its own words, and what nobody took care of is said."""
