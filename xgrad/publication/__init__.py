"""Saved runs as pages and tables: HTML, Markdown, LaTeX, CSV and Parquet. Nothing is recomputed."""
