"""What can be done to rows: typed operations, conditions and checks that become SQL for both warehouses."""
