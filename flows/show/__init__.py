"""How things look wherever they are shown: words and colours of states, numbers with units, the drawing of a pipeline."""
