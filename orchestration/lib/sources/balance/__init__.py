"""Source balance: step trainers and phones, with consent only."""
