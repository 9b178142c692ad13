"""The drills: experiments that load, break or restore something, bounded and undone."""
