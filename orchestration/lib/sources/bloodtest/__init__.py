"""Source bloodtest: patients and their tests."""
