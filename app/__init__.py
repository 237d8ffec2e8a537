"""The face of Penstock: the Streamlit app and the place of the REST API, served by one process."""
