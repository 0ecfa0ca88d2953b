from huey.api import Huey as Huey
from huey.api import MemoryHuey as MemoryHuey
from huey.api import PostgresHuey as PostgresHuey
from huey.api import SqliteHuey as SqliteHuey
from huey.api import crontab as crontab
