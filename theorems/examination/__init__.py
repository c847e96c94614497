"""The examination of a page."""
