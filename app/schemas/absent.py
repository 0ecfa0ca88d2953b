"""Schemas of what Intercom has and Assent has not: lists that are empty."""

from app.schemas.fields import Constant, ListSchema, Output


class TeamListSchema(Output):
    type = Constant("team.list")
    teams = Constant([])


class CompanyListSchema(ListSchema):
    data = Constant([])
    total_count = Constant(0)
    pages = Constant({"type": "pages", "page": 1, "per_page": 50, "total_pages": 0})


class CompanyScrollSchema(ListSchema):
    data = Constant([])
    pages = Constant(None, kind="object")
    total_count = Constant(0)
    scroll_param = Constant(None, kind="string")
