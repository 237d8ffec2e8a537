"""Runs: what ran, what runs, what failed."""

import streamlit as st

st.title("Runs")
