"""DynamoDB without scans (`indexes`), slow answers (`answers`), copies of tables (`transactions`) or races (`locking`)."""
