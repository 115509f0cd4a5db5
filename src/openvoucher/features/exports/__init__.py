"""Exports: lists of objects as CSV files, written in the background, downloaded by a link.

A file is written portion by portion, each in the transaction that moves the job's cursor: a worker that is
killed leaves no line out and writes none twice. What was created after the export is left out. Each line says
what held when its portion was read: a file is not one snapshot of a moment.
"""
