"""The warehouse file: open, repair, count, write Arrow tables."""
