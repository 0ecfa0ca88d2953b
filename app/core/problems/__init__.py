"""What failed, for the admins: recorded where it happens, and put together for one page."""
