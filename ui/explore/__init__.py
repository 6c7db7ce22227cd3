"""The Explore page: the recipe builder, the live chart, the chosen trial, the table, the queue."""
