"""What specialization decides, as functions of plain data."""
