"""What each machine will be: machines multiplied out, checked as a whole, and planned. All pure."""
