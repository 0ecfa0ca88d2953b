from tests.web.api.client import ApiClient


def test_attributes_in_use_are_listed_with_the_type_of_most_values(api: ApiClient) -> None:
    api.contact(external_id="70", custom_attributes={"plan": "pro", "age": 30})
    api.contact(external_id="71", custom_attributes={"plan": "free", "is_guest": True, "age": "old"})
    api.contact(external_id="72", custom_attributes={"age": 31, "weight": 1.5})
    listed = {each["full_name"]: each for each in api.get("/data_attributes?model=contact")["data"]}
    custom = {each["name"]: each["data_type"] for each in listed.values() if each["custom"]}
    assert custom == {"plan": "string", "age": "integer", "is_guest": "boolean", "weight": "float"}
    assert listed["custom_attributes.plan"]["api_writable"] is True
    assert (listed["created_at"]["data_type"], listed["created_at"]["api_writable"]) == ("date", False)
    for name in listed:
        assert api.post("/contacts/search", {"query": {"field": name, "operator": "=", "value": None}}).status == 200


def test_other_models_have_no_attributes(api: ApiClient) -> None:
    for model in ("company", "conversation"):
        assert api.get(f"/data_attributes?model={model}")["data"] == []
    assert api.get("/data_attributes?model=person").field == "model"


def test_attributes_cannot_be_defined_and_need_not_be(api: ApiClient) -> None:
    wanted = {"name": "plan", "model": "contact", "data_type": "string"}
    refused = api.post("/data_attributes", wanted)
    assert (refused.status, refused.code) == (422, "not_available")
    assert "custom_attributes" in refused.body["errors"][0]["message"]
    assert api.put("/data_attributes/7", {"archived": True}).code == "not_found"
    sam = api.contact(external_id="70", custom_attributes={"plan": "pro"})
    assert api.get(f"/contacts/{sam}")["custom_attributes"] == {"plan": "pro"}
