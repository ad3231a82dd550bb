"""The pictures of the README: drawn by this project, from what the program says."""
