"""Contract of the leads: forms, newsletter, webinars, trade-fair cards (design §3)."""

from ingestion.contracts import Field, Table

LEADS = Table(
    source="leads",
    name="leads",
    description="People who showed interest",
    key=("lead_id",),
    replace_by=("lead_id",),
    fields=(
        Field("lead_id", required=True),
        Field("captured_at", "instant", required=True),
        Field(
            "source",
            required=True,
            allowed=("form", "newsletter", "whitepaper", "webinar", "fair", "chat", "referral"),
        ),
        Field("campaign"),
        Field("first_name", personal=True),
        Field("last_name", personal=True),
        Field("name", personal=True, description="first and last name in one field"),
        Field("company", aliases=("company_name",)),
        Field("email", personal=True),
        Field("phone", personal=True),
        Field("street", personal=True),
        Field("house_no", personal=True),
        Field("postal_code"),
        Field("city"),
        Field("country"),
        Field("birth_date", "date", personal=True),
        Field("interests", "text_list"),
        Field("message", personal=True),
        Field("referred_by", personal=True),
        Field("consent_email", "boolean"),
        Field("consent_phone", "boolean"),
        Field("consent_post", "boolean"),
        Field("double_opt_in_at", "instant"),
        Field("consent_text_version"),
        Field("consent_ip_hash", personal=True, description="hash of the address that confirmed"),
    ),
)

TABLES = (LEADS,)
