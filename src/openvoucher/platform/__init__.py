"""What any server needs, whatever it serves: database, HTTP, jobs, logs. It knows no resource."""
