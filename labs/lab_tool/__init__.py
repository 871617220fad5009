"""scripts/lab: the commands of the labs, for students and teachers. main.py reads the command line."""
