"""What the book generates: blocks and figures of results, API pages and a glossary; and its Sphinx extension."""
