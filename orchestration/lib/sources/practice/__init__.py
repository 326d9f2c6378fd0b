"""Source practice: claims and diagnoses of doctors' offices."""
