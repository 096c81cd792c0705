"""Open compiler, simulator and runtime for Qualcomm Cloud AI 100."""
