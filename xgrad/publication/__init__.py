"""Saved runs as pages and tables: HTML, Markdown, LaTeX, CSV, Parquet. Nothing is recomputed."""

from xgrad.publication.paper import paper_table
from xgrad.publication.site import publish
