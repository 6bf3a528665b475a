"""What a worker's journal holds."""

from turnout.types.content import Content
from turnout.types.feedback import Feedback
from turnout.types.record import Record

Entry = Record | Feedback | Content
