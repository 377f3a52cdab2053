"""Access control: who may log in, and what each user may run, touch and listen to."""
