"""What page, command line and report show alike, without Streamlit."""
