"""Logs of other set-ups, read row by row: each shape is one file, each row a call, or dirty and listed. No row stops the reading.

source.py    a file, plain or compressed, as rows: JSON lines, a JSON array, CSV
fields.py    what a field says, or why it cannot be believed
openai.py  litellm.py  langfuse.py  columns.py    the shapes
read.py      which shape it is; calls one after the other, each id once
"""
