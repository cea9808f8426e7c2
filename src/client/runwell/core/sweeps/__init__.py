"""What a sweep is: its configuration, its space, its trials and when they are stopped. Pure: the log decides, time is given."""
