"""A conversation: what was said, what was drafted, what was started. No Streamlit in here."""
