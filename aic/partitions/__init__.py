"""A network over several cards: how the user says it, and the file that holds a program for each."""
