"""What a run's log is watched for: pure state machines over its rows."""
