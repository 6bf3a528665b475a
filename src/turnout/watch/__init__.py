"""The world's catalogs: fetched, merged, compared, doubted."""
