"""What Intercom has and Assent has not is an empty list, and every link of a contact leads somewhere."""

import pytest

from tests.web.api.client import ApiClient


@pytest.mark.parametrize(("path", "name"), [("/teams", "teams"), ("/companies", "data"), ("/companies/scroll", "data")])
def test_what_assent_has_not_is_an_empty_list(api: ApiClient, path: str, name: str) -> None:
    assert api.get(path)[name] == []


def test_companies_may_be_listed_by_post(api: ApiClient) -> None:
    assert (api.post("/companies/list?page=1")["data"], api.post("/companies/list")["total_count"]) == ([], 0)


def test_every_link_of_a_contact_leads_to_a_list(api: ApiClient) -> None:
    sam = api.get(f"/contacts/{api.contact(external_id='70')}").body
    links = [
        each["url"] for each in sam.values() if isinstance(each, dict) and each.get("type") == "list" and "url" in each
    ]
    assert len(links) == 5
    for link in links:
        assert api.get(link)["data"] == []
    assert api.get(f"/contacts/{'0' * 24}/companies").status == 404
