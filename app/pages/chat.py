"""Chat: describe a pipeline, see it, run it."""

import streamlit as st

st.title("What should flow where?")
