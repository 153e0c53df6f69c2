"""Reading CSV and Parquet: safe, bounded, in batches. Shared by the scenarios whose examples are rows.

`layout`: which objects are tables (imports nothing heavy: indexing uses it). `names`: which columns one has, from a few of its bytes (the
same; the plan of a training uses it). `stream`: reading them (needs pyarrow):

    from droplearn.scenarios.tables.layout import recognise_table, table_sources
    from droplearn.scenarios.tables.stream import open_tables, read_table

    sources = table_sources(context.source)                      # the .csv, .tsv and .parquet files of a dataset version
    table = read_table(sources)                                  # .data: pyarrow.Table (`.to_pandas()`); .report
    stream = open_tables(sources, columns=["user", "item"])      # for batch in stream: pyarrow.RecordBatch; stream.report

Cells of CSV are strings (null where empty): what they mean is decided by whoever reads all of them. Parquet keeps its types.
"""
