"""What a customer of Penstock needs before the first pipeline runs."""
