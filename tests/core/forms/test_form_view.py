import itertools

from sqlalchemy import select

from app.core.forms import views
from app.core.forms.form_view import IS_OFFERED
from app.core.forms.publishing import find_offered
from app.db import Database
from app.models import OptInForm, OptInFormVersion, SubscriptionType, TypeState
from tests import make


def test_lists_sql_and_views_agree_on_which_forms_are_offered(database: Database) -> None:
    with database.unit_of_work() as session:
        offered = set()
        forms = {}
        for archived_at, type_state in itertools.product((None, make.NOON), TypeState):
            subscription_type = make.live_type(session)
            form = make.form(session, subscription_type)
            form.archived_at, subscription_type.state = archived_at, type_state
            forms[form.id] = form.key
            if archived_at is None and type_state == TypeState.LIVE:
                offered.add(form.id)
        session.flush()
        assert len(offered) == 1
        joined = (
            select(OptInForm.id, IS_OFFERED)
            .join(OptInFormVersion, OptInFormVersion.form_id == OptInForm.id)
            .join(SubscriptionType, SubscriptionType.id == OptInFormVersion.subscription_type_id)
        )
        assert {form_id for form_id, is_offered in session.execute(joined) if is_offered} == offered
        assert {each.form.id for each in find_offered(session)} == offered
        assert {form_id for form_id, key in forms.items() if views.public_view(session, key).form.is_offered} == offered
