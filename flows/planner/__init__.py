"""From words to a draft: what the text says, what is assumed, and what must be asked."""
