"""How many there are in a minute, an hour and a day."""

MINUTE, HOUR, DAY = 60, 3_600, 86_400
