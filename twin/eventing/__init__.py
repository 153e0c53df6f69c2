"""EventBridge and Scheduler: the bus (`bus`), targets that moto does not deliver to (`targets`), and the clock (`schedules`)."""
