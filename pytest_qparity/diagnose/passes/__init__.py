"""What runs over each feed, and the sums that it leaves. In the worker."""
