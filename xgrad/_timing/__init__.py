"""What the timer is made of: the clock, the process it runs in, the tables that it fills."""
