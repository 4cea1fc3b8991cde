"""What runs the clauses: worlds with a record of what was asked, the wire, the scheduler, the history checker."""
