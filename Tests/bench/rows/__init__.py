"""One row a file; see ../row.py."""
