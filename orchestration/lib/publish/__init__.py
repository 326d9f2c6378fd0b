"""Publishing: copy the marts into the file that everybody reads."""
