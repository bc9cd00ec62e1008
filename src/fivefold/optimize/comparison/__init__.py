"""Methods side by side under one budget, judged from outside."""
