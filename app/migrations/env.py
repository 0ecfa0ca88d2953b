"""Alembic's entry: runs on the connection that ``app.migrations.upgrade`` hands over."""

from alembic import context

from app.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
