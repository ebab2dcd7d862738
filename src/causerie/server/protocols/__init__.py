"""The protocols of clients: JSON to jobs and events to JSON, one file each, pure."""
