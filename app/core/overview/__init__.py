"""What the overview shows: growth of each type, the funnel of forms, reach by reason, newest events and health."""
