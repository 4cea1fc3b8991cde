"""A small shop with five workflows: how an application hosts Squidie."""
