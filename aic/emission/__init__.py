"""What a QPC says about a program, part by part: its constants, its memory, its host side, its device side."""
